"""How the plugins are run: who when, for how long, and what becomes of what they return.

`waves` decides what runs when, in the importing thread; a `task` is what one worker does. `ledger` takes over what
comes of it: applied, recorded, logged. `strict` says whether the process may go on. `prefect_time` leaves out of the
deadlines what Prefect's own modules take, `progress` tells people that it takes long, `stragglers` ends at exit what
was given up, `pool_backoff` slows down workers that fail again and again.
"""

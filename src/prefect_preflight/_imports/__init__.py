"""How hooks run in threads while another thread is in the middle of `import prefect`, without a deadlock.

`room` has the whole of it: who waits for whom, and by which lock. `lanes` is the mechanism below, `strangers` the one
finder that goes with it, `workers` says who works for a hook, `fork` puts things right in a forked child. Every private
contact with the import system is in `cpython`.
"""

"""`python -m plugins_diag`: what the plugin hooks of Prefect did in this interpreter, or why they did nothing.

`activation` looks at the interpreter, `host` imports Prefect, `prefect_preflight.report` tells what happened;
`diagnosis` puts the three together as frozen data, `checks` draws conclusions from it, and `render` and `document`
make text and JSON of it. `cli` is the command line around that.
"""

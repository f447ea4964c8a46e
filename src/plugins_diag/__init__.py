"""`python -m plugins_diag`: what the plugin hooks of Prefect did in this interpreter, or why they did nothing.

The front door only: the command is `prefect_preflight._command_line.diagnose`.
"""

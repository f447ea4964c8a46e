"""What becomes of credentials that expire: ``nox -s credentials``.

A lab for one machine. moto plays AWS, and the front of the tests (`tests/processes/inside/sts_server.py`) refuses what
AWS refuses: keys that have expired, and a role that assumes itself. The example plugin assumes a role whose keys live
for ten seconds, in every process of each scenario, and applications use the keys: what they are told, what the front
has logged and what the processes' reports say makes the table in `docs/credentials.md`. No figure in it is expected;
what is checked is that no request was signed with an expired key where something could have been done about it.
"""

from __future__ import annotations

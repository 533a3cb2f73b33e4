"""YARN: containers started by Skein, seen from the edge node (`edge`) and from inside (`containers`).

`application` describes the containers of a job, `packaging` brings Python to them, `capacity` tells what YARN has,
`observe` what becomes of a job.  Nothing outside of this folder imports skein.
"""

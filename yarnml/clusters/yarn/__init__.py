"""YARN containers, started by Skein: the application (`application`), the edge node's end of it (`client`), the master
inside Skein's application master (`lead`, `processes`), and the worker or reducer inside a container (`container`).

The only place that imports skein.
"""

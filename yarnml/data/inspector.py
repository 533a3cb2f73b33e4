"""The program of a process that looks into files for another one, see `inspectors`: files on standard input, an answer
on standard output.
"""

import sys

import msgspec

from yarnml import storage
from yarnml.data.inspectors import Files, answer_to

if __name__ == "__main__":
    files = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Files)
    with storage.patience(files.patience):
        answer = answer_to(files)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))

"""Pieces of texts by byte-pair encoding: which ones there are, learnt from counts of words, and those of a text.

Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", ACL 2016: pieces begin as
characters, and the pair of neighbours that comes most often becomes a piece, again and again.  Pieces lie within words,
and a word takes the blank before it along, as in Radford et al., "Language Models are Unsupervised Multitask Learners",
2019: so a text's pieces, joined, are the text.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

Pair = tuple[int, int]
"""The places of two pieces that become one."""

UNKNOWN_PIECE = -1
"""The place of a character that is no piece."""

_WORD = re.compile(r" ?[^\W\d_]{1,63}| ?\d{1,63}| ?(?:[^\w\s]|_){1,63}|\s{1,64}(?!\S)|\s")
"""Runs of letters, digits or signs, with the blank before them, and white space; every character is in one."""

MAX_WORDS_KEPT = 1 << 16
"""Words whose pieces are kept, so that they need not be found again."""


def words_of(text: str) -> Iterator[str]:
    """The words of a text, one after the other; joined they are the text."""
    return (match[0] for match in _WORD.finditer(text))


def frequent_characters(words: Mapping[str, int], size: int, least: int) -> list[str]:
    """The ``size`` characters that come most often, ``least`` times or more, ascending; ``words``: with their counts.

    Of equally frequent ones the smaller are taken.
    """
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    enough = [character for character in counts if counts[character] >= least]
    return sorted(sorted(enough, key=lambda character: (-counts[character], character))[:size])


def learn(words: Mapping[str, int], characters: Sequence[str], size: int, least: int) -> tuple[list[str], list[Pair]]:
    """Learn pieces from words and their counts: the characters, then merged ones in order, and the pairs merged.

    The pair that comes most often is next; of equally frequent ones that of the earlier first piece, then second piece.
    It ends at ``size`` pieces, or where no pair comes ``least`` times.
    """
    places = {character: place for place, character in enumerate(characters)}
    pieces = list(characters)
    merges: list[Pair] = []
    spelt = [([places.get(character, UNKNOWN_PIECE) for character in word], count) for word, count in words.items()]
    counts: Counter[Pair] = Counter()
    holders: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, (spelling, count) in enumerate(spelt):
        for pair in _pairs(spelling):
            counts[pair] += count
            holders[pair].add(number)
    queue = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(queue)
    while queue and len(pieces) < size:
        negative, pair = heapq.heappop(queue)
        if -negative != counts[pair]:
            continue  # it has changed since, and lies in the queue with its new count
        if counts[pair] < least:
            break
        text = pieces[pair[0]] + pieces[pair[1]]
        if text not in places:
            places[text] = len(pieces)
            pieces.append(text)
        merges.append(pair)
        changed: set[Pair] = set()
        for number in holders.pop(pair):
            spelling, count = spelt[number]
            merged = _merged(spelling, pair, places[text])
            for old in _pairs(spelling):
                counts[old] -= count
                changed.add(old)
            for new in _pairs(merged):
                counts[new] += count
                holders[new].add(number)
                changed.add(new)
            spelt[number] = (merged, count)
        for other in changed:
            if counts[other] > 0:
                heapq.heappush(queue, (-counts[other], other))
    return pieces, merges


class Encoder:
    """Finds the pieces of texts: the earliest learnt merge is made first, as often as it can be.

    ``pieces`` and ``merges``: as `learn` returns them.
    """

    def __init__(self, pieces: Sequence[str], merges: Sequence[Pair]) -> None:
        self._places = {piece: place for place, piece in enumerate(pieces)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._merged = [self._places[pieces[left] + pieces[right]] for left, right in merges]
        self._known: dict[str, list[int]] = {}

    def pieces(self, text: str) -> Iterator[int]:
        """The places of a text's pieces; `UNKNOWN_PIECE` for a character that is none."""
        for word in words_of(text):
            if word not in self._known:
                if len(self._known) == MAX_WORDS_KEPT:
                    self._known.clear()
                self._known[word] = self._spell(word)
            yield from self._known[word]

    def _spell(self, word: str) -> list[int]:
        spelling = [self._places.get(character, UNKNOWN_PIECE) for character in word]
        while True:
            ranks = [self._ranks[pair] for pair in _pairs(spelling) if pair in self._ranks]
            if not ranks:
                return spelling
            rank = min(ranks)
            pair = next(pair for pair in _pairs(spelling) if self._ranks.get(pair) == rank)
            spelling = _merged(spelling, pair, self._merged[rank])


def _pairs(spelling: Sequence[int]) -> Iterator[Pair]:
    """The neighbours in a word, but for unknown characters."""
    return (pair for pair in pairwise(spelling) if UNKNOWN_PIECE not in pair)


def _merged(spelling: Sequence[int], pair: Pair, piece: int) -> list[int]:
    """The spelling with a piece in the place of each pair, from the left."""
    result: list[int] = []
    place = 0
    while place < len(spelling):
        is_pair = tuple(spelling[place : place + 2]) == pair
        result.append(piece if is_pair else spelling[place])
        place += 2 if is_pair else 1
    return result

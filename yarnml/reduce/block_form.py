"""A block of a table, as it travels between processes."""

from msgspec import Struct

from yarnml.job.learners import Count, Rule
from yarnml.job.learners.element_wise import ElementWise
from yarnml.sparse.block import Block
from yarnml.sparse.rules import RowRule, rule_of


class BlockForm(Struct, frozen=True, array_like=True):
    """A block of a table, as it travels."""

    name: str
    width: int
    rule: Rule | Count | ElementWise
    scale: float
    seed: int

    @classmethod
    def of(cls, block: Block) -> "BlockForm":
        return cls(block.name, block.width, block.rule.options, block.scale, block.seed)

    def block(self) -> Block:
        return Block(self.name, self.width, _rule_of(self.rule), self.scale, self.seed)


def _rule_of(options: Rule | Count | ElementWise) -> RowRule:
    if not isinstance(options, ElementWise):
        return rule_of(options)
    from yarnml.learners.element_wise import ElementWiseRule  # it needs JAX, which is long in coming

    return ElementWiseRule(options)

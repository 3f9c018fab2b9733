"""Regions: exact sets of profiles, narrowed test by test on the way through a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from finetune_advisor.engine.model.conditions import ABOVE, BELOW, EQUAL, Condition, InDomain, InRelation
from finetune_advisor.engine.model.domain import Domain, Position
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.tree import Tree


@dataclass(frozen=True, slots=True)
class OrderConstraint:
    """Low lies at or (`strict`) below high."""

    low: str
    high: str
    strict: bool

    def holds(self, low: Position, high: Position) -> bool:
        """Whether two positions are in this order."""
        return low < high if self.strict else low <= high


@dataclass(frozen=True)
class Region:
    """A set of profiles: a domain for each input on `axes`, and orders between inputs.

    Never empty: `narrow` gives None instead. The domains are as tight as the orders allow, so that the
    least position of every input together makes a profile of the region.
    """

    axes: Mapping[str, Domain]
    domains: Mapping[str, Domain]
    orders: frozenset[OrderConstraint] = frozenset()

    def domain(self, name: str) -> Domain:
        return self.domains.get(name) or self.axes[name]

    def is_fixed(self, name: str) -> bool:
        """Whether all profiles of the region give an input the same value."""
        domain = self.domains.get(name)
        return domain is not None and domain.least == domain.greatest

    def narrow(self, condition: Condition) -> Region | None:
        """The profiles of this region that meet a condition, or None if there are none."""
        if isinstance(condition, InRelation):
            return self._ordered_by(frozenset(_orders(condition)))
        before = self.domain(condition.input)
        if before.least == before.greatest:
            return self if before.least in condition.domain else None
        after = before & condition.domain
        if after == before:
            return self
        if not after:
            return None
        narrowed = Region(self.axes, {**self.domains, condition.input: after}, self.orders)
        return narrowed._settled(narrowed._orders_of(condition.input)) if self.orders else narrowed

    def at(self, name: str, position: Position) -> Region | None:
        """The profiles of this region that have an input at a position, or None if there are none.

        There are some at the least and at the greatest position of its domain. At another one there may be
        none, since the orders tighten the ends of domains alone.
        """
        return self.narrow(InDomain(name, Domain(((position, position),), self.axes[name].dense)))

    def contains_answers(self, positions: Mapping[str, Position]) -> bool:
        """Whether some profile of this region has some inputs at these positions, which lie on their axes."""
        for name, position in positions.items():
            if name in self.domains and position not in self.domains[name]:
                return False
        if all(order.low in positions and order.high in positions for order in self.orders):
            return all(order.holds(positions[order.low], positions[order.high]) for order in self.orders)
        points = {n: Domain(((p, p),), self.axes[n].dense) for n, p in positions.items()}
        here = Region(self.axes, {**self.domains, **points}, self.orders)
        unsettled = [one for one in self.orders if one.low in points or one.high in points]
        return here._tightened(unsettled) is not None

    def intersection(self, other: Region) -> Region | None:
        """The profiles that are in this region and in another one, or None if there are none."""
        both = self._ordered_by(other.orders) if other.orders else self
        for name, domain in other.domains.items():
            both = both and both.narrow(InDomain(name, domain))
        return both

    def with_twin(self, name: str, twin: str) -> Region:
        """The region beside a second, independent instance of an input."""
        return replace(self, axes={**self.axes, twin: self.axes[name]})

    def renamed(self, name: str, twin: str) -> Region:
        """The region with its tests of an input moved to the input's twin."""
        names = {name: twin}
        return Region(
            self.with_twin(name, twin).axes,
            {names.get(one, one): domain for one, domain in self.domains.items()},
            frozenset(
                OrderConstraint(
                    names.get(order.low, order.low), names.get(order.high, order.high), order.strict
                )
                for order in self.orders
            ),
        )

    def cache_key(
        self, inputs: frozenset[str]
    ) -> tuple[frozenset[tuple[str, Domain]], frozenset[OrderConstraint]]:
        """What this region says of some inputs, as a key: regions with the same key hold the same
        combinations of their values. What no order connects to them doesn't matter, as no region is empty.
        """
        names, orders = (inputs, self.orders) if not self.orders else self._connected(inputs)
        return frozenset((n, d) for n, d in self.domains.items() if n in names), orders

    def is_ordered(self, name: str) -> bool:
        """Whether an order ties an input to another one."""
        return any(name in (order.low, order.high) for order in self.orders)

    def _connected(self, inputs: frozenset[str]) -> tuple[frozenset[str], frozenset[OrderConstraint]]:
        beside: dict[str, list[OrderConstraint]] = {}
        for order in self.orders:
            beside.setdefault(order.low, []).append(order)
            beside.setdefault(order.high, []).append(order)
        names, orders = set(inputs), set[OrderConstraint]()
        waiting = [name for name in beside if name in inputs]
        while waiting:
            for order in beside[waiting.pop()]:
                orders.add(order)
                for name in {order.low, order.high} - names:
                    names.add(name)
                    waiting.append(name)
        return frozenset(names), frozenset(orders)

    def witness(self) -> dict[str, Position]:
        """A profile of the region, as the least positions of every input."""
        return {name: self.domain(name).least for name in self.axes}

    def simplest_positions(self, names: Iterable[str]) -> dict[str, Position]:
        """Positions of some inputs in one profile of the region: the plainest, where the earlier ones let
        them be.
        """
        region, found = self, {}
        for name in names:
            domain = region.domain(name)
            either = (region.at(name, position) for position in (domain.simplest, domain.least))
            region = next(filter(None, either))
            found[name] = region.domain(name).least
        return found

    def _ordered_by(self, orders: frozenset[OrderConstraint]) -> Region | None:
        """The profiles of this region that meet more orders, or None if there are none."""
        added = orders - self.orders
        together = self.orders | added
        if _contradictory(together, added):
            return None
        return Region(self.axes, self.domains, together)._settled(added)

    def _orders_of(self, name: str) -> Iterator[OrderConstraint]:
        return (order for order in self.orders if name in (order.low, order.high))

    def _settled(self, unsettled: Iterable[OrderConstraint]) -> Region | None:
        """The region with its domains as tight as the orders allow, or None if one is empty."""
        domains = self._tightened(unsettled)
        if domains is None:
            return None
        region = Region(self.axes, domains, self.orders)
        return replace(region, orders=frozenset(o for o in self.orders if not region._implies(o)))

    def _tightened(self, unsettled: Iterable[OrderConstraint]) -> Mapping[str, Domain] | None:
        """The domains as tight as the orders allow, or None if one is empty.

        The domains fit all orders already but those that are `unsettled`. Where a domain gets tighter, the
        orders of its input are looked at again.
        """
        domains = dict(self.domains)
        waiting = [*unsettled]
        while waiting:
            order = waiting.pop()
            low, high = (domains.get(name) or self.axes[name] for name in (order.low, order.high))
            higher = high.from_(low.least, strict=order.strict)
            lower = low.up_to(high.greatest, strict=order.strict)
            if not (higher and lower):
                return None
            for name, before, after in ((order.low, low, lower), (order.high, high, higher)):
                if after != before:
                    domains[name] = after
                    waiting.extend(self._orders_of(name))
        return domains

    def _implies(self, order: OrderConstraint) -> bool:
        return order.holds(self.domain(order.low).greatest, self.domain(order.high).least)


def _orders(condition: InRelation) -> Iterator[OrderConstraint]:
    one, relations, other = condition.input, condition.relations, condition.other
    if ABOVE not in relations:
        yield OrderConstraint(one, other, strict=EQUAL not in relations)
    if BELOW not in relations:
        yield OrderConstraint(other, one, strict=EQUAL not in relations)


def _contradictory(orders: Iterable[OrderConstraint], added: Iterable[OrderConstraint]) -> bool:
    """Whether some orders put an input strictly below itself, which they don't without the `added` ones."""
    above: dict[str, list[OrderConstraint]] = {}
    for order in orders:
        above.setdefault(order.low, []).append(order)
    return any(_strictly_below_itself(above, order) for order in added)


def _strictly_below_itself(
    above: Mapping[str, Sequence[OrderConstraint]], order: OrderConstraint
) -> bool:
    """Whether an order and those `above` each input lead from its lower input back to it."""
    seen = set()
    waiting = [(order.high, order.strict)]
    while waiting:
        here = waiting.pop()
        if here == (order.low, True):
            return True
        if here not in seen:
            seen.add(here)
            name, strict = here
            waiting.extend((one.high, strict or one.strict) for one in above.get(name, ()))
    return False


def region_of_completions(tree: Tree, profile: Profile) -> Region:
    """The region of all completions of a profile; inputs that the tree doesn't have are passed over.

    Raises ValueError or TypeError for a value of another type than its input's.
    """
    positions = ((n, tree.inputs[n].position(v)) for n, v in profile.items() if n in tree.inputs)
    return Region(tree.axes, {n: point_domain(tree.inputs[n], position) for n, position in positions})


def point_domain(one: Input, position: Position) -> Domain:
    """The domain of one position of an input."""
    return Domain(((position, position),), one.axis.dense)

"""Regions: exact sets of profiles, narrowed by one condition after another on a path through a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from finetune_advisor.engine.model.conditions import ABOVE, BELOW, EQUAL, Condition, InDomain, InRelation
from finetune_advisor.engine.model.domain import Domain, Position
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.tree import Tree


@dataclass(frozen=True, slots=True)
class OrderConstraint:
    """The condition that the input `low` is at most the input `high`, or less if `strict`."""

    low: str
    high: str
    strict: bool

    def holds(self, low: Position, high: Position) -> bool:
        """Return whether the positions of the two inputs meet this constraint."""
        return low < high if self.strict else low <= high


@dataclass(frozen=True)
class Region:
    """A set of profiles that is never empty: domains of inputs, and order constraints between inputs.

    `axes` has the axis of every input, and `domains` the domains of the narrowed ones. The domains are as
    tight as the constraints allow, so the least positions of all inputs together are a profile of the region.
    """

    axes: Mapping[str, Domain]
    domains: Mapping[str, Domain]
    orders: frozenset[OrderConstraint] = frozenset()

    def domain(self, name: str) -> Domain:
        """Return the positions that an input has in this region."""
        return self.domains.get(name) or self.axes[name]

    def is_fixed(self, name: str) -> bool:
        """Return whether an input has the same value in all profiles of the region."""
        domain = self.domains.get(name)
        return domain is not None and domain.least == domain.greatest

    def narrow(self, condition: Condition) -> Region | None:
        """Return the part of this region that meets a condition, or None if it is empty."""
        if isinstance(condition, InRelation):
            return self._ordered_by(frozenset(_orders(condition)))
        before = self.domain(condition.input)
        # Known answers are the most frequent case, and this saves them an intersection.
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
        """Return the part of this region that has an input at a position, or None if it is empty.

        The part isn't empty at the least and at the greatest position of the input's domain. At others it
        may be, because order constraints tighten only the ends of domains.
        """
        return self.narrow(InDomain(name, Domain(((position, position),), self.axes[name].dense)))

    def contains_answers(self, positions: Mapping[str, Position]) -> bool:
        """Return whether some profile of this region has these inputs at these positions of their axes."""
        for name, position in positions.items():
            if name in self.domains and position not in self.domains[name]:
                return False
        # If all compared inputs are known, no domain has to be tightened.
        if all(order.low in positions and order.high in positions for order in self.orders):
            return all(order.holds(positions[order.low], positions[order.high]) for order in self.orders)
        points = {n: Domain(((p, p),), self.axes[n].dense) for n, p in positions.items()}
        region = Region(self.axes, {**self.domains, **points}, self.orders)
        unsettled = [order for order in self.orders if order.low in points or order.high in points]
        return region._tightened(unsettled) is not None

    def intersection(self, other: Region) -> Region | None:
        """Return the profiles that are in both regions, or None if there are none."""
        both = self._ordered_by(other.orders) if other.orders else self
        for name, domain in other.domains.items():
            both = both and both.narrow(InDomain(name, domain))
        return both

    def with_twin(self, name: str, twin: str) -> Region:
        """Return the region with a second, independent instance of an input, which is named `twin`."""
        return replace(self, axes={**self.axes, twin: self.axes[name]})

    def renamed(self, name: str, twin: str) -> Region:
        """Return the region with the domain and the constraints of an input moved to the input's twin."""
        names = {name: twin}
        return Region(
            self.with_twin(name, twin).axes,
            {names.get(key, key): domain for key, domain in self.domains.items()},
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
        """Return a hashable key of what this region says about some inputs.

        Regions with the same key have the same combinations of values of these inputs.
        """
        # Unconnected inputs can't rule out a value of these inputs, because no region is empty.
        names, orders = (inputs, self.orders) if not self.orders else self._connected(inputs)
        return frozenset((n, d) for n, d in self.domains.items() if n in names), orders

    def is_ordered(self, name: str) -> bool:
        """Return whether an order constraint connects an input to another one."""
        return any(name in (order.low, order.high) for order in self.orders)

    def _connected(self, inputs: frozenset[str]) -> tuple[frozenset[str], frozenset[OrderConstraint]]:
        """Return the inputs that constraints connect to some inputs, with these, and the constraints."""
        orders_by_input: dict[str, list[OrderConstraint]] = {}
        for order in self.orders:
            orders_by_input.setdefault(order.low, []).append(order)
            orders_by_input.setdefault(order.high, []).append(order)
        names, orders = set(inputs), set[OrderConstraint]()
        waiting = [name for name in orders_by_input if name in inputs]
        while waiting:
            for order in orders_by_input[waiting.pop()]:
                orders.add(order)
                for name in {order.low, order.high} - names:
                    names.add(name)
                    waiting.append(name)
        return frozenset(names), frozenset(orders)

    def witness(self) -> dict[str, Position]:
        """Return a profile of the region: the least position of every input."""
        return {name: self.domain(name).least for name in self.axes}

    def simplest_positions(self, names: Iterable[str]) -> dict[str, Position]:
        """Return positions of some inputs in one profile of the region, with few decimals.

        An input has its simplest position if the earlier inputs allow it, and its least one otherwise.
        """
        region, positions = self, {}
        for name in names:
            domain = region.domain(name)
            # The simplest position may contradict an order constraint; the least one never does.
            narrowed = (region.at(name, position) for position in (domain.simplest, domain.least))
            region = next(filter(None, narrowed))
            positions[name] = region.domain(name).least
        return positions

    def _ordered_by(self, orders: frozenset[OrderConstraint]) -> Region | None:
        """Return the part of this region that meets more constraints, or None if it is empty."""
        added = orders - self.orders
        all_orders = self.orders | added
        # Tightening x < y < x on doubles would move the domains by one position at a time.
        if _contradictory(all_orders, added):
            return None
        return Region(self.axes, self.domains, all_orders)._settled(added)

    def _orders_of(self, name: str) -> Iterator[OrderConstraint]:
        return (order for order in self.orders if name in (order.low, order.high))

    def _settled(self, unsettled: Iterable[OrderConstraint]) -> Region | None:
        """Return the region with domains as tight as the constraints allow, or None if it is empty."""
        domains = self._tightened(unsettled)
        if domains is None:
            return None
        region = Region(self.axes, domains, self.orders)
        # Without constraints that the domains imply, more regions share a key, and more walks meet.
        orders = frozenset(order for order in self.orders if not region._implies(order))
        return Region(self.axes, domains, orders)

    def _tightened(self, unsettled: Iterable[OrderConstraint]) -> Mapping[str, Domain] | None:
        """Return the domains as tight as the constraints allow, or None if one is empty.

        Before the call, the domains fit all constraints but the `unsettled` ones.
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
                    # A tighter domain can tighten its neighbours, so their constraints wait again.
                    domains[name] = after
                    waiting.extend(self._orders_of(name))
        return domains

    def _implies(self, order: OrderConstraint) -> bool:
        """Return whether the domains alone make all profiles meet a constraint."""
        return order.holds(self.domain(order.low).greatest, self.domain(order.high).least)


def _orders(condition: InRelation) -> Iterator[OrderConstraint]:
    name, relations, other = condition.input, condition.relations, condition.other
    if ABOVE not in relations:
        yield OrderConstraint(name, other, strict=EQUAL not in relations)
    if BELOW not in relations:
        yield OrderConstraint(other, name, strict=EQUAL not in relations)


def _contradictory(orders: Iterable[OrderConstraint], added: Iterable[OrderConstraint]) -> bool:
    """Return whether constraints put an input strictly below itself; without the `added` ones they don't."""
    above: dict[str, list[OrderConstraint]] = {}
    for order in orders:
        above.setdefault(order.low, []).append(order)
    return any(_strictly_below_itself(above, order) for order in added)


def _strictly_below_itself(
    above: Mapping[str, Sequence[OrderConstraint]], order: OrderConstraint
) -> bool:
    """Return whether a constraint and those `above` each input lead from its low input back to this input."""
    seen = set()
    waiting = [(order.high, order.strict)]
    while waiting:
        reached = waiting.pop()
        # A circle without a strict constraint only makes its inputs equal.
        if reached == (order.low, True):
            return True
        if reached not in seen:
            seen.add(reached)
            name, strict = reached
            waiting.extend((next_.high, strict or next_.strict) for next_ in above.get(name, ()))
    return False


def region_of_completions(tree: Tree, profile: Profile) -> Region:
    """Return the region of all completions of a profile, without inputs that the tree doesn't have.

    Raises ValueError or TypeError for a value that its input can't have.
    """
    positions = ((n, tree.inputs[n].position(v)) for n, v in profile.items() if n in tree.inputs)
    return Region(tree.axes, {n: point_domain(tree.inputs[n], position) for n, position in positions})


def point_domain(input_: Input, position: Position) -> Domain:
    """Return the domain that has only one position of an input."""
    return Domain(((position, position),), input_.axis.dense)

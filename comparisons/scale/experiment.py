"""Taking the samples of one experiment, and deriving its findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from comparisons.scale.figures import Figures
from comparisons.scale.growth import STEEPEST, WARN_FROM, crossover, crossover_sentence, exponent
from comparisons.scale.plan import LOOPS, Machine, Point
from comparisons.supervisor import ChildError, ask

SAMPLE_SECONDS = 300.0
REFERENCE = "miniloop"


@dataclass
class Experiment:
    name: str
    points: list[Point]
    rounds: int
    samples: dict[Point, list[Figures]] = field(default_factory=dict)
    refused: dict[Point, str] = field(default_factory=dict)
    errors: dict[Point, str] = field(default_factory=dict)

    def refuse(self, machine: Machine) -> None:
        """Skip the points for which this machine has too few resources."""
        reasons = {point: machine.reason_to_skip(point) for point in self.points}
        self.refused |= {point: why for point, why in reasons.items() if why}

    @property
    def tries(self) -> list[Point]:
        """All samples to take: for each N, in each round, a sample of each model."""
        tries: list[Point] = []
        for many in dict.fromkeys(point.many for point in self.points):
            row = [point for point in self.points if point.many == many]
            for number in range(self.rounds):
                first = number % len(row)  # rotate, so that no model always follows the same one
                rotated = row[first:] + row[:first]
                tries += [point for point in rotated if number == 0 or not point.slow]
        return tries

    def take(self) -> Iterator[Point]:
        """Take all samples; yield the point before each sample."""
        for point in self.tries:
            yield point
            if point not in self.errors and not self._refused_before(point):
                self._sample(point)

    def _refused_before(self, point: Point) -> bool:
        """Return whether the machine refused the same model with this N or a smaller one."""
        return any(
            point.model == other.model and point.many >= other.many for other in self.refused
        )

    def _sample(self, point: Point) -> None:
        question = point._asdict()
        try:
            answer = ask("comparisons.scale.sample", question, SAMPLE_SECONDS)
        except ChildError as error:
            self.errors[point] = str(error)
            return
        if "refused" in answer:
            self.refused[point] = answer["refused"]
        else:
            self.samples.setdefault(point, []).append(Figures(**answer["figures"]))

    # -- findings ---------------------------------------------------------------------------------

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(point.model for point in self.points))

    def medians(self, point: Point) -> Figures | None:
        samples = self.samples.get(point)
        if not samples or point in self.errors or point in self.refused:
            return None
        return Figures(*map(median, zip(*samples, strict=True)))

    def curve(self, model: str, figure: str) -> dict[int, float]:
        """Return the medians of a figure by N; `figure` is a field of Figures."""
        found = {point.many: self.medians(point) for point in self.points if point.model == model}
        return {many: getattr(each, figure) for many, each in found.items() if each is not None}

    def exponents(self, model: str) -> dict[str, float]:
        """Return the exponents of the added CPU time and memory, where there are enough values."""
        found = {}
        for cost, figure in (("CPU time", "cpu_each"), ("memory", "memory_each")):
            on_top = {many: many * each for many, each in self.curve(model, figure).items()}
            slope = exponent(on_top)
            if slope is not None:
                found[cost] = slope
        return found

    def growth(self) -> list[str]:
        """Return a line about growth for each model."""
        lines = []
        for model in self.models:
            slopes = self.exponents(model)
            if slopes:
                growth = ", ".join(f"{cost} ∝ N^{slope:.2f}" for cost, slope in slopes.items())
                lines.append(f"{model}: {growth}")
        return lines

    def warnings(self) -> list[str]:
        """Return a line for each loop and cost that grows clearly faster than linearly."""
        return [
            f"{self.name}, {model}: {cost} grows as N^{slope:.2f}, faster than linear"
            for model in self.models
            if model in LOOPS
            for cost, slope in self.exponents(model).items()
            if slope > STEEPEST[cost] and max(self.curve(model, "cpu")) >= WARN_FROM
        ]

    def crossovers(self, figure: str) -> dict[str, float | None]:
        """Return the N from which threads, or processes, cost more than miniloop."""
        others = [model for model in self.models if model not in LOOPS]
        loop = self.curve(REFERENCE, figure)
        return {model: crossover(loop, self.curve(model, figure)) for model in others}

    def crossover_sentences(self) -> list[str]:
        """Return a sentence for each crossover."""
        sentences = []
        for cost, figure in (("CPU time", "cpu"), ("memory", "memory")):
            for other, at in self.crossovers(figure).items():
                both = self.curve(REFERENCE, figure).keys() & self.curve(other, figure).keys()
                sentences.append(crossover_sentence(other, cost, at, sorted(both)))
        return list(filter(None, sentences))

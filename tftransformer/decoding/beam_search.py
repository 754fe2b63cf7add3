"""Beam search with a finished set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import check_ints, is_int, is_number, log_probabilities, register, require
from tftransformer.core.selection import flat_rows, pick, top_k
from tftransformer.decoding.length_penalties import LengthPenalty, WuLengthPenalty
from tftransformer.decoding.request import Decoded, Request
from tftransformer.decoding.rolling import process, roll_out, write_token
from tftransformer.decoding.strategy import Strategy
from tftransformer.models.decoding_step import DecodingStep


@register
@dataclass(frozen=True)
class BeamSearch(Strategy):
    """Keeps the `num_beams` best running hypotheses and the best finished ones.

    With K beams, at each step and for each row of the batch:

    1. The 2K best of all continuations of the running hypotheses are candidates; with n > 1 end
       tokens the (1 + n)K best. Processors act on log-probabilities.
    2. A candidate is complete at an end token, a stop string or the length limit. The K best of the
       others stay in the beam.
    3. Complete candidates among the first K are scored
       `summed log-probability / length_penalty(generated tokens)` and merged with the finished
       ones, of which the K best stay.
    4. A row stops, and never changes again, once its best running hypothesis cannot beat its worst
       finished one (a free slot counts as -inf). `early_stopping` decides what "cannot" means.

    Scores are summed in float32 whatever the dtype of the logits.

    Args:
        num_beams: int, K. The step has batch · K rows, the beams of a row adjacent: pass the same
            number to `start_decoding`.
        length_penalty: a `LengthPenalty`, or a number, which is short for
            `WuLengthPenalty(number)`.
        early_stopping: when a row stops searching.
            - False: when its best running hypothesis, divided by the penalty for its present
              length, is no better than its worst finished one. Exact if the penalty does not grow
              with the length; otherwise the usual heuristic, which may miss a longer, better
              ending.
            - "never": the same with the largest penalty a continuation can reach, which bounds its
              score from above: nothing that the beam could still find is lost.
            - True: also as soon as K hypotheses are finished. Fastest, but ignores what could
              follow.
        num_return: int ≤ num_beams, results for each row, best first.

    >>> model = tt.Gpt2(vocab_size=30, num_layers=1, d_model=16, num_heads=2)
    >>> prompt = np.array([[5, 6, 7]])
    >>> strategy = BeamSearch(num_beams=4, length_penalty=0.6, num_return=2)
    >>> step = model.start_decoding(prompt, num_beams=4)
    >>> strategy(step, prompt, max_new_tokens=8, end_id=3, pad_id=0).ids.shape
    TensorShape([1, 2, 8])

    Reference: Wu et al. 2016, "Google's Neural Machine Translation System", §7.
    """

    num_beams: int = 4
    length_penalty: LengthPenalty | float = 0.6
    early_stopping: bool | str = False
    num_return: int = 1

    def __post_init__(self) -> None:
        if is_number(self.length_penalty):
            object.__setattr__(self, "length_penalty", WuLengthPenalty(self.length_penalty))
        check_ints(1, num_beams=self.num_beams)
        require(
            isinstance(self.length_penalty, LengthPenalty),
            "length_penalty",
            self.length_penalty,
            "a LengthPenalty or a number, the alpha of WuLengthPenalty",
        )
        require(
            isinstance(self.early_stopping, bool) or self.early_stopping == "never",
            "early_stopping",
            self.early_stopping,
            "True, False or 'never'",
        )
        require(
            is_int(self.num_return, 1) and self.num_return <= self.num_beams,
            "num_return",
            self.num_return,
            f"an int from 1 to num_beams={self.num_beams}",
        )

    @property
    def rows_per_prompt(self) -> int:
        return self.num_beams

    def decode(self, step: DecodingStep, request: Request) -> Decoded:
        beams, stopping = self.num_beams, request.first_stops()

        def select(logits: Any, generated: Any, state: Any) -> Any:
            lengths = request.lengths + generated
            scores, beam, tokens = self._candidates(logits, state, lengths, request)
            at_limit = generated + 1 >= request.limits
            before = {name: pick(state[name], beam) for name in stopping}
            ended, stops = request.ends(tokens, before.get("stop"))
            complete = ops.logical_or(ended, at_limit[:, None])

            finished, finished_scores, finished_lengths = self._merge_finished(
                state, scores, beam, tokens, complete, lengths, generated + 1
            )
            running_scores, order = ops.top_k(ops.where(complete, -np.inf, scores), beams)
            beam, tokens = pick(beam, order), pick(tokens, order)
            running = write_token(pick(state["running"], beam), tokens, lengths[:, None])

            is_open = ops.logical_and(
                state["open"],
                self._can_improve(running_scores, finished_scores, generated + 1, request.limits),
            )
            return (
                ops.reshape(tokens, (-1,)),
                flat_rows(beam, beams) if beams > 1 else None,
                {
                    "running": running,
                    "running_scores": running_scores,
                    "finished": finished,
                    "finished_scores": finished_scores,
                    "finished_lengths": finished_lengths,
                    "open": is_open,
                    **{name: pick(of_beams, order) for name, of_beams in stops.items()},
                },
            )

        zeros = ops.zeros_like(request.prompt_ids[:, :1], dtype="float32")
        buffer = ops.repeat(request.ids, beams, axis=0)
        buffer = ops.reshape(buffer, (-1, beams, ops.shape(buffer)[1]))
        state = {
            "running": buffer,
            # All beams hold the prompt: only the first may continue, or K equal ones would.
            "running_scores": zeros + np.array([0.0] + [-np.inf] * (beams - 1), "float32"),
            "finished": buffer,
            "finished_scores": zeros + np.full(beams, -np.inf, "float32"),
            "finished_lengths": ops.cast(zeros + np.zeros(beams, "float32"), "int32"),
            "open": zeros[:, 0] == 0,
            **{name: ops.repeat(x[:, None], beams, axis=1) for name, x in stopping.items()},
        }
        prompts = ops.repeat(request.prompt_ids, beams, axis=0)
        state = roll_out(step, prompts, state, select, request.max_new_tokens)
        scores = state["finished_scores"][:, : self.num_return]
        ids = request.generated(state["finished"][:, : self.num_return])
        ids = ops.reshape(ids, (-1, self.num_return, request.max_new_tokens))
        return Decoded(ids, scores, state["finished_lengths"][:, : self.num_return])

    def _candidates(self, logits: Any, state: Any, lengths: Any, request: Request) -> Any:
        """The best continuations: scores, beam and token, each (batch, candidates), best first.

        They are so many that K of them run on. The best 2K of each beam hold the best 2K of all
        beams, so that only K · 2K are compared across beams, and log-probabilities are computed
        for these only.
        """
        beams, vocabulary, processors = self.num_beams, logits.shape[-1], request.processors
        count = (1 + len(request.end_ids)) * beams
        require(
            vocabulary is not None and vocabulary >= 2,
            "vocabulary (last axis of the logits)",
            vocabulary,
            "a static size ≥ 2",
        )
        logits = ops.cast(logits, "float32")
        if processors:
            ids = ops.reshape(state["running"], (-1, ops.shape(state["running"])[2]))
            lengths = ops.repeat(lengths, beams)
            logits = process(processors, ops.log_softmax(logits), ids, lengths)
        per_beam = min(count, vocabulary)
        scores, tokens = top_k(logits, per_beam)
        if not processors:
            probability = pick(ops.softmax(logits), tokens[:, :1])
            # Of two slices of the best XLA makes a sort of all. The largest is the first one.
            largest = ops.max(scores, axis=-1, keepdims=True)
            scores = log_probabilities(scores, largest, probability)
        scores = scores + ops.reshape(state["running_scores"], (-1, 1))
        scores = ops.reshape(scores, (-1, beams * per_beam))
        tokens = ops.reshape(tokens, (-1, beams * per_beam))
        scores, order = ops.top_k(scores, min(count, beams * per_beam))
        return scores, ops.cast(order, "int32") // per_beam, pick(tokens, order)

    def _penalty(self, length: Any) -> Any:
        penalty: Any = self.length_penalty  # no number any more
        return penalty(length)

    def _merge_finished(
        self,
        state: Any,
        scores: Any,
        beam: Any,
        tokens: Any,
        complete: Any,
        lengths: Any,
        generated: Any,
    ) -> Any:
        """The K best of the finished hypotheses and the K first candidates, if complete.

        Returns:
            their ids, scores and lengths; a free slot has length 0.
        """
        beams = self.num_beams
        enters = ops.logical_and(complete[:, :beams], state["open"][:, None])
        new_scores = scores[:, :beams] / self._penalty(generated)
        merged_scores = ops.concatenate(
            [state["finished_scores"], ops.where(enters, new_scores, -np.inf)], axis=1
        )
        extended = pick(state["running"], beam[:, :beams])
        extended = write_token(extended, tokens[:, :beams], lengths[:, None])
        merged_scores, order = ops.top_k(merged_scores, beams)
        merged = pick(ops.concatenate([state["finished"], extended], axis=1), order)
        merged_lengths = ops.zeros_like(tokens[:, :beams]) + generated
        merged_lengths = ops.concatenate([state["finished_lengths"], merged_lengths], axis=1)
        # A free slot stays as it was: the prompt and nothing else.
        is_free = merged_scores == -np.inf
        merged = ops.where(is_free[..., None], state["finished"][:, -1:], merged)
        return merged, merged_scores, ops.where(is_free, 0, pick(merged_lengths, order))

    def _can_improve(
        self, running_scores: Any, finished_scores: Any, generated: Any, limits: Any
    ) -> Any:
        """Whether a running hypothesis may still enter the finished set; bool (batch,)."""
        penalty = self._penalty(generated)
        if self.early_stopping == "never":
            penalty = ops.maximum(penalty, self._penalty(limits))
        worst = finished_scores[:, -1]
        possible = running_scores[:, 0] / penalty > worst
        if self.early_stopping is True:
            possible = ops.logical_and(possible, worst == -np.inf)
        return possible

import { type AdamWSettings, addAdamW } from '../../model/adamw-graph.js'
import type { GptNeoConfig } from '../../model/config.js'
import { type ModelForm, wholeForm } from '../../model/form.js'
import { forward } from '../../model/forward.js'
import { sequenceContext } from '../../model/sequence-context.js'
import { GraphBuilder, type Value } from '../../onnx/graph.js'
import { Tape } from '../../onnx/tape.js'

/** What the terms of the loss weigh (paper, Eq. 5). */
export interface PpoCoefficients {
  /** Ratios count within 1 - clipCoef and 1 + clipCoef. */
  readonly clipCoef: number
  readonly entropyCoef: number
  /** beta. */
  readonly crossEntropyCoef: number
}

/**
 * One step of PPO: forward, loss, backward, clipping of the gradient's norm and Adam. Loss and diagnostics are means over the actions:
 *
 *   -min(ratio A, clip(ratio, 1 - clipCoef, 1 + clipCoef) A) - entropyCoef H + crossEntropyCoef CE
 *
 * with ratio = pi(action) / pi_old(action), A the advantage, H the policy's entropy (Schulman et al., 2017, Eq. 7 and 9), CE = -ln pi(target).
 * The old policy comes in as its log-probabilities, computed before the first step on a batch, so no gradient reaches it.
 *
 * In: parameters, firstMoments, secondMoments (size each); tokens, targets, actions (B, T) int32; oldLogProbabilities, advantages (B, T);
 * weights (B, T), 0 for padding; learningRate (); corrections (2): 1 - beta1^t and 1 - beta2^t. Beside them the frozen weights of the form,
 * by name.
 * Out: nextParameters, nextFirstMoments, nextSecondMoments; loss, gradientNorm, ratio, approxKl, clipFraction, entropy, crossEntropy ().
 */
export function ppoGraph(
  config: GptNeoConfig,
  coefficients: PpoCoefficients,
  settings: AdamWSettings,
  form: ModelForm = wholeForm(config),
): Buffer {
  const { graph, parameters, gradient } = withGradient('ppo', config, coefficients, form)
  addAdamW(graph, form.layout, settings, parameters, gradient)
  return graph.finish()
}

/** Loss, diagnostics and flat gradient (size) alone: of a part of a batch, or for checks against a reference. In and out as ppoGraph. */
export function ppoGradientGraph(
  config: GptNeoConfig,
  coefficients: PpoCoefficients,
  form: ModelForm = wholeForm(config),
): Buffer {
  const { graph, gradient } = withGradient('ppo-gradient', config, coefficients, form)
  graph.output('gradient', gradient, 'float32', [form.layout.size])
  return graph.finish()
}

/** A graph that computes the loss, which is an output, and its gradient (size). */
function withGradient(name: string, config: GptNeoConfig, coefficients: PpoCoefficients, form: ModelForm) {
  const tape = new Tape(new GraphBuilder(name))
  const { graph } = tape
  form.declareFrozen(graph)
  const parameters = graph.input('parameters', 'float32', [form.layout.size])
  const tokens = graph.input('tokens', 'int32', ['B', 'T'])
  const { ids, positions, ...context } = sequenceContext(graph, config, tokens)
  const model = form.unpack(tape, parameters)
  const logits = forward(tape, config, model.weights, ids, positions, context, model.project)
  const loss = ppoLoss(tape, tape.logSoftmax(logits), config.vocabularySize, coefficients)
  tape.backward(loss)
  graph.output('loss', loss, 'float32', [])
  return { graph, parameters, gradient: tape.gradient(parameters) }
}

/** Adds loss and diagnostics of a policy given as logProbabilities (N, V). */
function ppoLoss(
  tape: Tape,
  logProbabilities: Value,
  vocabularySize: number,
  { clipCoef, entropyCoef, crossEntropyCoef }: PpoCoefficients,
): Value {
  const share = shareOf(tape, perAction(tape, 'weights'))
  const chosen = tape.pick(logProbabilities, indices(tape, 'actions'), vocabularySize)
  const logRatio = tape.subtract(chosen, perAction(tape, 'oldLogProbabilities'))
  const ratio = tape.exp(logRatio)
  const advantages = perAction(tape, 'advantages')
  const objective = tape.minimum(
    tape.multiply(ratio, advantages),
    tape.multiply(tape.clip(ratio, 1 - clipCoef, 1 + clipCoef), advantages),
  )
  const surrogate = tape.scale(tape.weightedSum(objective, share), -1)
  const negativeEntropies = tape.rowSums(tape.multiply(tape.exp(logProbabilities), logProbabilities))
  const entropy = tape.scale(tape.weightedSum(negativeEntropies, share), -1)
  const observed = tape.pick(logProbabilities, indices(tape, 'targets'), vocabularySize)
  const crossEntropy = tape.scale(tape.weightedSum(observed, share), -1)
  addDiagnostics(tape, { logRatio, ratio, share, clipCoef, entropy, crossEntropy })
  const regularised = tape.add(surrogate, tape.scale(entropy, -entropyCoef))
  return tape.add(regularised, tape.scale(crossEntropy, crossEntropyCoef))
}

/** An input (B, T) as (N). */
function perAction({ graph }: Tape, name: string): Value {
  return graph.node('Reshape', [graph.input(name, 'float32', ['B', 'T']), graph.integers(-1)])
}

function indices({ graph }: Tape, name: string): Value {
  const ids = graph.node('Cast', [graph.input(name, 'int32', ['B', 'T'])], { to: 7 })
  return graph.node('Reshape', [ids, graph.integers(-1)])
}

/** weights (N) divided by their sum. */
function shareOf({ graph }: Tape, weights: Value): Value {
  return graph.node('Div', [weights, graph.node('ReduceSum', [weights], { keepdims: 0 })])
}

interface Diagnostics {
  readonly logRatio: Value
  readonly ratio: Value
  readonly share: Value
  readonly clipCoef: number
  readonly entropy: Value
  readonly crossEntropy: Value
}

/** approxKl is the mean of (ratio - 1) - ln ratio, which is never negative and varies less than -ln ratio (Schulman, 2020, "k3"). */
function addDiagnostics({ graph }: Tape, diagnostics: Diagnostics): void {
  const { logRatio, ratio, share, clipCoef, entropy, crossEntropy } = diagnostics
  const mean = (x: Value): Value => graph.node('ReduceSum', [graph.node('Mul', [x, share])], { keepdims: 0 })
  const change = graph.node('Sub', [ratio, graph.scalar(1)])
  const isClipped = graph.node('Greater', [graph.node('Abs', [change]), graph.scalar(clipCoef)])
  graph.output('ratio', mean(ratio), 'float32', [])
  graph.output('approxKl', mean(graph.node('Sub', [change, logRatio])), 'float32', [])
  graph.output('clipFraction', mean(graph.node('Cast', [isClipped], { to: 1 })), 'float32', [])
  graph.output('entropy', entropy, 'float32', [])
  graph.output('crossEntropy', crossEntropy, 'float32', [])
}

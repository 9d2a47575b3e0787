import { StepEngine, type StepEngineData } from './step-engine.js'
import { BEGIN } from './vocabulary.js'

/** Scores sessions of one length T side by side, a token a step, in this thread: what a live stream does, without its memo. */
export class StepReplay {
  private constructor(
    readonly engine: StepEngine,
    readonly vocabularySize: number,
  ) {}

  /** @param numRows at least as many as a call has tokens @throws ProviderError */
  static async load(data: StepEngineData): Promise<StepReplay> {
    return new StepReplay(await StepEngine.create(data), data.config.vocabularySize)
  }

  /** Surprise of each token (B, T), given those before it in its session. */
  async score(sessions: readonly Int32Array[]): Promise<Float32Array[]> {
    const batch = sessions.length
    const length = sessions[0]?.length ?? 0
    const surprises = sessions.map(() => new Float32Array(length))
    const row = (b: number, t: number): number => b * length + t
    for (let t = 0; t < length; t++) {
      const logProbabilities = await this.engine.run({
        batch,
        time: 1,
        tokens: Int32Array.from(sessions, tokens => (t === 0 ? BEGIN : tokens[t - 1]!)),
        rows: Int32Array.from(sessions, (_, b) => row(b, t)),
        past: t,
        pastRows: Int32Array.from({ length: batch * t }, (_, i) => row(Math.floor(i / t), i % t)),
        pastLengths: new Int32Array(batch).fill(t),
      })
      sessions.forEach((tokens, b) => {
        surprises[b]![t] = -logProbabilities[b * this.vocabularySize + tokens[t]!]!
      })
    }
    return surprises
  }

  async release(): Promise<void> {
    await this.engine.release()
  }
}

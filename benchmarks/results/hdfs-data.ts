import { readSequences, type SequenceRow } from '../../plugin/cli/sequences.js'
import { type Evaluation, evaluateSessions } from '../../plugin/evaluation.js'
import { judgeSessions, type ScoredSession, scoreSessions } from '../../plugin/offline-sessions.js'
import type { Bundle } from '../../scorer/bundle.js'
import type { JudgeOptions } from '../../scorer/judge.js'
import { OfflineJudge } from '../../scorer/offline-judge.js'
import { Random } from '../../scorer/random.js'
import type { KeySequence } from '../../scorer/train/train.js'

/** The labelled sequence files of HDFS. */
export interface HdfsData {
  readonly training: readonly SequenceRow[]
  readonly normal: readonly SequenceRow[]
  readonly abnormal: readonly SequenceRow[]
  /** Normal sessions that `normal` is a sample of. */
  readonly normalPopulation: number
}

/** The abnormal file holds half of the published anomalies, so half of the published normal sessions belong to it. */
const NORMAL_POPULATION = 276_683

export async function readHdfs(folder: string): Promise<HdfsData> {
  const read = (name: string): Promise<SequenceRow[]> => readSequences([`${folder}/${name}.csv.gz`])
  return {
    training: await read('train-normal'),
    normal: await read('dev-normal'),
    abnormal: await read('dev-abnormal'),
    normalPopulation: NORMAL_POPULATION,
  }
}

export function ended(rows: readonly SequenceRow[]): KeySequence[] {
  return rows.map(({ id, keys }) => ({ id, keys, ended: true }))
}

/** A random part of the rows. */
export function sample(rows: readonly SequenceRow[], share: number, seed: number): SequenceRow[] {
  return new Random(seed).shuffle([...rows]).slice(0, Math.round(share * rows.length))
}

/** What a model says of labelled sessions, to be judged at several settings. */
export class LabelledScores {
  private constructor(
    readonly model: Bundle,
    readonly normal: readonly ScoredSession[],
    readonly abnormal: readonly ScoredSession[],
    readonly normalPopulation: number,
  ) {}

  static async of(
    model: Bundle,
    { normal, abnormal, normalPopulation }: Omit<HdfsData, 'training'>,
  ): Promise<LabelledScores> {
    const scored = await scoreSessions(model, [...normal, ...abnormal])
    return new LabelledScores(
      model,
      scored.slice(0, normal.length),
      scored.slice(normal.length),
      normalPopulation,
    )
  }

  evaluate(options: JudgeOptions = {}): Evaluation {
    const judge = new OfflineJudge(this.model, options)
    return evaluateSessions(
      judgeSessions(judge, this.normal),
      judgeSessions(judge, this.abnormal),
      this.normalPopulation,
    )
  }
}

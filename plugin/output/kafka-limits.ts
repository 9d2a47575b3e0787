/** What one topic takes, in bytes. */
export interface KafkaLimits {
  /** Of a batch. A larger record goes alone. */
  readonly batchBytes: number
  /** Of a record that goes alone. */
  readonly recordBytes: number
}

/** What topics take: as configured, until the broker refuses it. Topics that refused something exist, so they are few. */
export class LearntKafkaLimits {
  readonly #byTopic = new Map<string, KafkaLimits>()
  readonly #configured: KafkaLimits

  constructor(maxBatchBytes: number) {
    this.#configured = { batchBytes: maxBatchBytes, recordBytes: maxBatchBytes }
  }

  of(topic: string): KafkaLimits {
    return this.#byTopic.get(topic) ?? this.#configured
  }

  /**
   * Notes that a batch was refused. Batches get smaller until the broker takes them; only a record that was refused alone is too large.
   *
   * @returns the limit in bytes from now on, of batches or of records
   */
  refused(topic: string, numMessages: number, bytes: number): number {
    const limits = this.of(topic)
    const [name, limit] = numMessages > 1 ? ['batchBytes', Math.ceil(bytes / 2)] : ['recordBytes', bytes - 1]
    this.#byTopic.set(topic, { ...limits, [name]: limit })
    return limit
  }
}

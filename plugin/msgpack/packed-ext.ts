/** An extension value, kept as it came: what its bytes mean is nobody's business here. */
export class PackedExt {
  constructor(
    readonly type: number,
    readonly data: Buffer,
  ) {}
}

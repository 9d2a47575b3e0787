import { ProtobufWriter } from './protobuf.js'

/** ONNX element types used here, with their numbers in onnx.proto. */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const
export type ElementType = keyof typeof ELEMENT_TYPES

/** A dimension: a size, or the name of a size known only at run time. */
export type Dimension = number | string

export type Attribute = number | string | readonly number[] | { readonly float: number }

/** Name of a value (an edge) of the graph under construction. */
export type Value = string

// IR 8 and operator set 17 are the oldest that hold LayerNormalization, so every ONNX Runtime since 1.12 loads these graphs.
const IR_VERSION = 8
const OPERATOR_SET = 17
const MICROSOFT_DOMAIN = 'com.microsoft'
/** TensorProto.DataLocation. */
const EXTERNAL_DATA = 1

/** Builds an ONNX model node by node and serialises it. Values are named by number; inputs and outputs by the caller. */
export class GraphBuilder {
  readonly #graph = new ProtobufWriter()
  readonly #constants = new Map<string, Value>()
  /** Bytes of the external tensors, by name. */
  readonly externals = new Map<string, Uint8Array>()
  #nextValue = 0

  constructor(readonly name: string) {
    this.#graph.bytes(2, name)
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.#graph.bytes(11, valueInfo(name, type, shape))
    return name
  }

  /** Declares `value` an output called `name`. */
  output(name: string, value: Value, type: ElementType, shape: readonly Dimension[]): void {
    this.#emit('Identity', [value], [name], {}, '')
    this.#graph.bytes(12, valueInfo(name, type, shape))
  }

  /** Adds a node with one output and returns that output. */
  node(op: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    return this.nodes(op, inputs, 1, attributes)[0]!
  }

  /** Adds a node with several outputs. */
  nodes(
    op: string,
    inputs: readonly Value[],
    numOutputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value[] {
    const outputs = Array.from({ length: numOutputs }, () => `v${this.#nextValue++}`)
    this.#emit(op, inputs, outputs, attributes, '')
    return outputs
  }

  /** Adds a node of ONNX Runtime's own operators (FusedMatMul and the like). */
  fused(op: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    const output = `v${this.#nextValue++}`
    this.#emit(op, inputs, [output], attributes, MICROSOFT_DOMAIN)
    return output
  }

  /** A constant of any shape; `shape` of [] is a scalar. Equal small constants are shared. */
  constant(type: ElementType, shape: readonly number[], data: readonly number[]): Value {
    const key = `${type}:${shape.join('x')}:${data.join(',')}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = `c${this.#constants.size}`
    this.#constants.set(key, name)
    this.initializer(name, type, shape, encode(type, data))
    return name
  }

  /** A stored tensor from raw little-endian bytes. */
  initializer(name: string, type: ElementType, shape: readonly number[], bytes: Uint8Array): Value {
    const tensor = new ProtobufWriter()
      .packedIntegers(1, shape)
      .integer(2, ELEMENT_TYPES[type])
      .bytes(8, name)
      .bytes(9, bytes)
    this.#graph.bytes(5, tensor)
    return name
  }

  /**
   * A stored tensor whose bytes stay outside the serialised graph and go to the runtime beside it (see externals): they are not copied, and a
   * graph alone may have 2 GB.
   */
  external(name: string, type: ElementType, shape: readonly number[], bytes: Uint8Array): Value {
    const entry = (key: string, value: string): ProtobufWriter =>
      new ProtobufWriter().bytes(1, key).bytes(2, value)
    const tensor = new ProtobufWriter()
      .packedIntegers(1, shape)
      .integer(2, ELEMENT_TYPES[type])
      .bytes(8, name)
      .bytes(13, entry('location', name))
      .bytes(13, entry('length', String(bytes.byteLength)))
      .integer(14, EXTERNAL_DATA)
    this.#graph.bytes(5, tensor)
    this.externals.set(name, bytes)
    return name
  }

  scalar(value: number): Value {
    return this.constant('float32', [], [value])
  }

  integers(...values: number[]): Value {
    return this.constant('int64', [values.length], values)
  }

  /** Serialises the model (onnx.ModelProto). */
  finish(): Buffer {
    const model = new ProtobufWriter().integer(1, IR_VERSION).bytes(2, 'logneo').bytes(7, this.#graph)
    for (const [domain, version] of [
      ['', OPERATOR_SET],
      [MICROSOFT_DOMAIN, 1],
    ] as const) {
      model.bytes(8, new ProtobufWriter().bytes(1, domain).integer(2, version))
    }
    return Buffer.from(model.finish())
  }

  #emit(
    op: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>>,
    domain: string,
  ): void {
    const node = new ProtobufWriter()
    for (const input of inputs) node.bytes(1, input)
    for (const output of outputs) node.bytes(2, output)
    node.bytes(4, op)
    for (const [name, value] of Object.entries(attributes)) node.bytes(5, attribute(name, value))
    if (domain !== '') node.bytes(7, domain)
    this.#graph.bytes(1, node)
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]): ProtobufWriter {
  const dimensions = new ProtobufWriter()
  for (const size of shape) {
    const dimension = new ProtobufWriter()
    if (typeof size === 'number') dimension.integer(1, size)
    else dimension.bytes(2, size)
    dimensions.bytes(1, dimension)
  }
  const tensor = new ProtobufWriter().integer(1, ELEMENT_TYPES[type]).bytes(2, dimensions)
  return new ProtobufWriter().bytes(1, name).bytes(2, new ProtobufWriter().bytes(1, tensor))
}

function attribute(name: string, value: Attribute): ProtobufWriter {
  const message = new ProtobufWriter().bytes(1, name)
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2)
  if (typeof value === 'string') return message.bytes(4, value).integer(20, 3)
  if ('float' in value) return message.float(2, value.float).integer(20, 1)
  for (const entry of value) message.integer(8, entry)
  return message.integer(20, 7)
}

function encode(type: ElementType, data: readonly number[]): Uint8Array {
  const array =
    type === 'float32'
      ? Float32Array.from(data)
      : type === 'int32'
        ? Int32Array.from(data)
        : type === 'int64'
          ? BigInt64Array.from(data.map(BigInt))
          : Uint8Array.from(data)
  return new Uint8Array(array.buffer)
}

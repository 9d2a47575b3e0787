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

export type Attribute = number | string | readonly number[] | { readonly float: number } | GraphBuilder

/** Name of a value (an edge) of the graph under construction. */
export type Value = string

// IR 8 and operator set 17 are the oldest that hold LayerNormalization, so every ONNX Runtime since 1.12 loads these graphs.
const IR_VERSION = 8
const OPERATOR_SET = 17
const MICROSOFT_DOMAIN = 'com.microsoft'
/** TensorProto.DataLocation. */
const EXTERNAL_DATA = 1

interface Node {
  /** What it reads, values of enclosing graphs included. */
  readonly reads: readonly Value[]
  readonly outputs: readonly Value[]
  readonly message: ProtobufWriter
}

/** A float32 value that a loop hands from turn to turn. */
export interface Carried {
  readonly value: Value
  readonly shape: readonly Dimension[]
}

/** What one turn of a loop gives: the values carried on, and float32 scalars of which the loop makes vectors. */
export interface Turn {
  readonly carried: readonly Value[]
  readonly collected: readonly Value[]
}

/**
 * Builds an ONNX model node by node and serialises it. Values are named by number; inputs and outputs by the caller. Nodes that no output needs
 * are left out, so that a gradient nobody asks for costs nothing.
 */
export class GraphBuilder {
  readonly #inputs: ProtobufWriter[] = []
  readonly #outputs: ProtobufWriter[] = []
  readonly #outputNames: Value[] = []
  readonly #nodes: Node[] = []
  readonly #initializers = new Map<Value, ProtobufWriter>()
  readonly #constants = new Map<string, Value>()
  /** Bytes of the external tensors, by name. */
  readonly externals = new Map<string, Uint8Array>()
  #nextValue = 0
  #nextLoop = 0

  /** @param prefix of the names of values: those of a graph within a graph must differ from those around it */
  constructor(
    readonly name: string,
    readonly prefix = '',
  ) {}

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.#inputs.push(valueInfo(name, type, shape))
    return name
  }

  /** Declares `value` an output called `name`. */
  output(name: string, value: Value, type: ElementType, shape: readonly Dimension[]): void {
    this.#emit('Identity', [value], [name], {}, '')
    this.#outputs.push(valueInfo(name, type, shape))
    this.#outputNames.push(name)
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
    const outputs = Array.from({ length: numOutputs }, () => this.#freshName())
    this.#emit(op, inputs, outputs, attributes, '')
    return outputs
  }

  /** Adds a node of ONNX Runtime's own operators (FusedMatMul and the like). */
  fused(op: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    const output = this.#freshName()
    this.#emit(op, inputs, [output], attributes, MICROSOFT_DOMAIN)
    return output
  }

  /**
   * Adds a Loop of `count` turns (a scalar, int64). `turn` builds one of them in a graph of its own, which may read all values of this one; it
   * gets the number of the turn (a scalar, int64) and the carried values.
   */
  loop(
    count: Value,
    carried: readonly Carried[],
    turn: (body: GraphBuilder, index: Value, carried: readonly Value[]) => Turn,
  ): Turn {
    const name = `${this.prefix}loop${this.#nextLoop++}`
    const body = new GraphBuilder(name, `${name}.`)
    const index = body.input(`${name}.turn`, 'int64', [])
    const goOn = body.input(`${name}.goOn`, 'bool', [])
    const before = carried.map(({ shape }, i) => body.input(`${name}.before${i}`, 'float32', shape))
    const after = turn(body, index, before)
    body.output(`${name}.on`, goOn, 'bool', [])
    after.carried.forEach((value, i) => {
      body.output(`${name}.after${i}`, value, 'float32', carried[i]!.shape)
    })
    after.collected.forEach((value, i) => {
      body.output(`${name}.collected${i}`, value, 'float32', [])
    })
    const inputs = [count, '', ...carried.map(({ value }) => value)]
    const outputs = this.nodes('Loop', inputs, carried.length + after.collected.length, { body })
    return { carried: outputs.slice(0, carried.length), collected: outputs.slice(carried.length) }
  }

  /** A constant of any shape; `shape` of [] is a scalar. Equal small constants are shared. */
  constant(type: ElementType, shape: readonly number[], data: readonly number[]): Value {
    const key = `${type}:${shape.join('x')}:${data.join(',')}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = `${this.prefix}c${this.#constants.size}`
    this.#constants.set(key, name)
    return this.initializer(name, type, shape, encode(type, data))
  }

  /** A stored tensor from raw little-endian bytes. */
  initializer(name: string, type: ElementType, shape: readonly number[], bytes: Uint8Array): Value {
    const tensor = new ProtobufWriter()
      .packedIntegers(1, shape)
      .integer(2, ELEMENT_TYPES[type])
      .bytes(8, name)
      .bytes(9, bytes)
    this.#initializers.set(name, tensor)
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
    this.#initializers.set(name, tensor)
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
    const model = new ProtobufWriter().integer(1, IR_VERSION).bytes(2, 'logneo').bytes(7, this.#message())
    for (const [domain, version] of [
      ['', OPERATOR_SET],
      [MICROSOFT_DOMAIN, 1],
    ] as const) {
      model.bytes(8, new ProtobufWriter().bytes(1, domain).integer(2, version))
    }
    return Buffer.from(model.finish())
  }

  /** onnx.GraphProto: what the outputs need. */
  #message(): ProtobufWriter {
    const { nodes, needed } = this.#reach()
    const message = new ProtobufWriter()
    for (const node of nodes) message.bytes(1, node.message)
    message.bytes(2, this.name)
    for (const [name, tensor] of this.#initializers) if (needed.has(name)) message.bytes(5, tensor)
    for (const input of this.#inputs) message.bytes(11, input)
    for (const output of this.#outputs) message.bytes(12, output)
    return message
  }

  /** The nodes that the outputs depend on, and all values those read. Nodes stand after what they read, so one pass backwards finds them. */
  #reach(): { nodes: Node[]; needed: Set<Value> } {
    const needed = new Set(this.#outputNames)
    const nodes: Node[] = []
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some(output => needed.has(output))) continue
      for (const value of node.reads) needed.add(value)
      nodes.push(node)
    }
    return { nodes: nodes.reverse(), needed }
  }

  #freshName(): Value {
    return `${this.prefix}v${this.#nextValue++}`
  }

  #emit(
    op: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>>,
    domain: string,
  ): void {
    const message = new ProtobufWriter()
    const reads = [...inputs]
    for (const input of inputs) message.bytes(1, input)
    for (const output of outputs) message.bytes(2, output)
    message.bytes(4, op)
    for (const [name, value] of Object.entries(attributes)) {
      if (value instanceof GraphBuilder) {
        reads.push(...value.#reach().needed)
        message.bytes(5, subgraph(name, value.#message()))
      } else message.bytes(5, attribute(name, value))
    }
    if (domain !== '') message.bytes(7, domain)
    this.#nodes.push({ reads, outputs, message })
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

function attribute(name: string, value: Exclude<Attribute, GraphBuilder>): ProtobufWriter {
  const message = new ProtobufWriter().bytes(1, name)
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2)
  if (typeof value === 'string') return message.bytes(4, value).integer(20, 3)
  if ('float' in value) return message.float(2, value.float).integer(20, 1)
  for (const entry of value) message.integer(8, entry)
  return message.integer(20, 7)
}

function subgraph(name: string, graph: ProtobufWriter): ProtobufWriter {
  return new ProtobufWriter().bytes(1, name).bytes(6, graph).integer(20, 5)
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

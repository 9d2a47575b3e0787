import { connect, type Socket } from 'node:net'
import * as wire from './protocol.js'

/** Thrown when the server answers a statement or a log-in with an error. */
export class ServerError extends Error {
  override readonly name = 'ServerError'

  constructor(
    /** SQLSTATE of the answer. */
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** Thrown when the connection ends before the client has asked for its end. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

export interface Login {
  readonly user: string
  readonly password: string
  readonly database: string
  readonly applicationName: string
}

export interface ClientHooks {
  /** Runs before each statement; a fault may take the connection over here by throwing. */
  beforeStatement?(client: Client): Promise<void>
  /** The local port is known: the server logs the same number. */
  onPort?(port: number): void
  /** The connection ended, or answered with an error that the client did not expect. */
  onTrouble?(reason: string): void
  /** The connection is closed, for whatever reason. */
  onClosed?(): void
}

interface Pending {
  readonly rows: string[][]
  readonly copyIn: string
  error?: ServerError
  resolve(rows: string[][]): void
  reject(error: Error): void
}

/** One connection to the recorded server: simple and extended queries, COPY, cancel. */
export class Client {
  /** Process id of the backend, once logged in. */
  pid = 0
  /** Transaction status of the last ReadyForQuery: idle, in a transaction, or in a failed one. */
  status: 'I' | 'T' | 'E' = 'I'
  /** Statements sent so far. */
  numStatements = 0
  readonly socket: Socket
  #secret = 0
  #pending: Pending | undefined
  #isEnding = false
  /** SQLSTATE of the last error that the server sent. */
  #lastError: string | undefined
  #expectedFarewell: string | undefined
  #lost: ConnectionLost | undefined
  readonly #closed: Promise<void>
  readonly #port: number
  readonly #hooks: ClientHooks
  readonly #login: Login

  private constructor(port: number, login: Login, hooks: ClientHooks) {
    this.#port = port
    this.#login = login
    this.#hooks = hooks
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const reader = new wire.MessageReader()
    this.socket.on('data', chunk => {
      for (const message of reader.push(chunk)) this.#receive(message)
    })
    this.socket.on('error', () => {})
    this.#closed = new Promise(resolve => {
      this.socket.on('close', () => {
        this.#fail()
        hooks.onClosed?.()
        resolve()
      })
    })
  }

  /** Connects and logs in; rejects with ServerError when refused, ConnectionLost when cut off. */
  static async open(port: number, login: Login, hooks: ClientHooks = {}): Promise<Client> {
    const client = new Client(port, login, hooks)
    client.socket.on('connect', () => {
      hooks.onPort?.(client.socket.localPort!)
      const { user, database, applicationName } = login
      client.socket.write(wire.startup({ user, database, application_name: applicationName }))
    })
    await client.#answer('')
    return client
  }

  /** Runs one statement with the simple protocol. */
  async query(sql: string, copyIn = ''): Promise<string[][]> {
    return this.#unlessTrouble(this.#send(wire.query(sql), copyIn))
  }

  /** Runs one statement with the extended protocol and the unnamed statement. */
  async execute(sql: string, ...parameters: (string | number)[]): Promise<string[][]> {
    return this.#unlessTrouble(this.#send(Buffer.concat([wire.parse('', sql), this.#run('', parameters)])))
  }

  /** Prepares statement `name`; the server logs nothing before its first run. */
  async prepare(name: string, sql: string): Promise<void> {
    this.socket.write(Buffer.concat([wire.parse(name, sql), wire.sync()]))
    await this.#unlessTrouble(this.#answer(''))
  }

  async runPrepared(name: string, ...parameters: (string | number)[]): Promise<string[][]> {
    return this.#unlessTrouble(this.#send(this.#run(name, parameters)))
  }

  /** Runs a statement that the application expects to fail with `code`. */
  async expectError(code: string, sql: string): Promise<void> {
    const error = await this.#send(wire.query(sql)).then(
      () => undefined,
      reason => reason,
    )
    if (error instanceof ServerError && error.code === code) return
    const reason = error ?? new Error(`expected ${code}, but this succeeded: ${sql}`)
    this.#report(reason)
    throw reason
  }

  /** Sends Terminate and waits until the server has closed the connection. */
  async end(): Promise<void> {
    this.#isEnding = true
    if (!this.socket.destroyed) this.socket.write(wire.terminate())
    await this.#closed
  }

  /** Waits until the server closes the connection, which it must do with `code` where one is given. */
  async waitForClose(code?: string): Promise<void> {
    this.#isEnding = true
    this.#expectedFarewell = code
    await this.#closed
  }

  /** Disappears without Terminate; `reset` sends RST instead of FIN. */
  async vanish(reset = false): Promise<void> {
    this.#isEnding = true
    if (reset) this.socket.resetAndDestroy()
    else this.socket.destroy()
    await this.#closed
  }

  /** Asks the server, over a connection of its own, to cancel the running statement. */
  async cancel(onPort: (port: number) => void): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port: this.#port })
    socket.on('error', () => {})
    await new Promise<void>(resolve => {
      socket.on('connect', () => {
        onPort(socket.localPort!)
        socket.write(wire.cancelRequest(this.pid, this.#secret))
      })
      socket.on('close', () => resolve())
      socket.resume()
    })
  }

  #run(name: string, parameters: readonly (string | number)[]): Buffer {
    return Buffer.concat([
      wire.bind(name, parameters.map(String)),
      wire.describePortal(),
      wire.execute(),
      wire.sync(),
    ])
  }

  async #send(bytes: Buffer, copyIn = ''): Promise<string[][]> {
    await this.#hooks.beforeStatement?.(this)
    if (this.#lost) throw this.#lost
    this.numStatements++
    this.socket.write(bytes)
    return this.#answer(copyIn)
  }

  #answer(copyIn: string): Promise<string[][]> {
    return new Promise((resolve, reject) => {
      this.#pending = { rows: [], copyIn, resolve, reject }
    })
  }

  async #unlessTrouble(answer: Promise<string[][]>): Promise<string[][]> {
    return answer.catch(error => {
      this.#report(error)
      throw error
    })
  }

  #report(error: unknown): void {
    if (error instanceof ServerError) this.#hooks.onTrouble?.(error.code)
  }

  #receive({ type, body }: wire.BackendMessage): void {
    const pending = this.#pending
    if (type === 'R' && body.readInt32BE(0) === 3) this.socket.write(wire.password(this.#login.password))
    else if (type === 'K') [this.pid, this.#secret] = [body.readInt32BE(0), body.readInt32BE(4)]
    else if (type === 'D') pending?.rows.push(wire.dataRow(body))
    else if (type === 'G')
      this.socket.write(Buffer.concat([wire.copyData(pending?.copyIn ?? ''), wire.copyDone()]))
    else if (type === 'E') {
      const fields = wire.errorFields(body)
      this.#lastError = fields.get('C') ?? ''
      if (pending) pending.error = new ServerError(this.#lastError, fields.get('M') ?? '')
    } else if (type === 'Z') {
      this.status = body.toString('latin1') as 'I' | 'T' | 'E'
      this.#settle()
    }
  }

  #settle(): void {
    const pending = this.#pending
    this.#pending = undefined
    if (pending?.error) pending.reject(pending.error)
    else pending?.resolve(pending.rows)
  }

  #fail(): void {
    const pending = this.#pending
    this.#pending = undefined
    this.#lost = new ConnectionLost('the server closed the connection')
    const isExpected = this.#expectedFarewell === undefined || this.#expectedFarewell === this.#lastError
    if (!this.#isEnding) this.#hooks.onTrouble?.(pending?.error?.code ?? 'lost')
    else if (!isExpected) this.#hooks.onTrouble?.('lost')
    pending?.reject(pending.error ?? this.#lost)
  }
}

/** What a server asks of each connection before it takes chunks from it, such as proof of a shared key. */
export interface Handshake {
  /** Starts with a new connection; `peer` is its address. */
  begin(peer: string): HandshakeExchange
}

/** One connection's exchange. Frames go to `receive` until it is accepted or refused. */
export interface HandshakeExchange {
  /** Sent as soon as the connection is there. */
  readonly greeting: Buffer
  /** Takes the client's next frame, which is one whole msgpack value but otherwise anything. */
  receive(frame: Buffer): HandshakeStep
}

export interface HandshakeStep {
  readonly state: 'pending' | 'accepted' | 'refused'
  readonly reply?: Buffer
}

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type SecureContextOptions, TLSSocket } from 'node:tls'

/** How bytes go in one direction; without a member they go as they come. */
export interface Flow {
  /** Before each piece, ms. */
  readonly delayMs?: number
  /** Size of a write; 1 splits at every byte. */
  readonly pieceBytes?: number
  /** Only so many bytes are treated so, ... */
  readonly firstBytes?: number
}

export type Deed = 'reset' | 'close' | 'silence' | 'garbage' | 'overwrite'

/** What is done to the connections between the gateway and the backend. */
export interface Fault {
  readonly name: string
  /** In place of a connection; the last two only with TLS. */
  readonly connect?: 'reset' | 'close' | 'silence' | 'garbage' | 'alert' | 'wrong_certificate'
  /** Towards the backend. */
  readonly up?: Flow
  /** Towards the gateway. */
  readonly down?: Flow
  /** Once a connection, as soon as the gateway has sent something. */
  readonly asked?: Deed
  /** Once a connection, behind the `count`th (1 unless said) `marker` in the backend's bytes, or before it. */
  readonly answered?: { readonly marker: string; readonly count?: number; readonly before?: true; readonly deed: Deed }
  /** How many connections it befalls; all unless said. */
  readonly times?: number
  /** Befalls connections that are open already; else those are closed first. */
  readonly spares?: true
}

export const NO_FAULT: Fault = { name: 'none' }

export interface Certificates {
  readonly right: SecureContextOptions
  readonly wrong: SecureContextOptions
}

/** TLS: a fatal `handshake_failure`. */
const ALERT = Buffer.from([0x15, 3, 3, 0, 2, 2, 40])
const GARBAGE = Buffer.from(Array.from({ length: 64 }, (_, index) => (index * 151 + 77) % 256))
const OVERWRITTEN_BYTES = 12
/** Lets the gateway read what came before: a reset throws away what it has not. */
const BEFORE_RESET_MS = 50

/** A TCP proxy between the gateway and the backend that breaks connections on purpose. */
export class FaultProxy {
  /** Those of the current fault, open and closed, oldest first. */
  readonly links: Link[] = []
  readonly #server: Server
  readonly #targetPort: number
  readonly #certificates: Certificates | undefined
  #fault: Fault = NO_FAULT
  #choose: (() => Fault) | undefined
  #onBlow: () => void = () => {}
  #left = Number.POSITIVE_INFINITY

  constructor(targetPort: number, certificates?: Certificates) {
    this.#targetPort = targetPort
    this.#certificates = certificates
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => this.#accept(raw))
  }

  /** Origin. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `${this.#certificates === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  /** From now on; resolves when the connections it does not spare are gone. */
  async use(fault: Fault): Promise<void> {
    this.#fault = fault
    this.#left = fault.times ?? Number.POSITIVE_INFINITY
    if (fault.spares !== true) await this.dropAll()
    const open = this.links.filter(({ isOpen }) => isOpen)
    this.links.length = 0
    for (const link of open) {
      link.begin(this.take())
      this.links.push(link)
    }
  }

  /** For long runs: each connection gets what this says, every blow is told, and nothing that passes is kept. */
  chooseBy(choose: () => Fault, onBlow: () => void): void {
    this.#choose = choose
    this.#onBlow = onBlow
  }

  /** Closes all connections and waits until the gateway has closed them too. */
  async dropAll(): Promise<void> {
    for (let waitedMs = 0; waitedMs < 2000 && this.links.some(({ isOpen }) => isOpen); waitedMs += 5) {
      for (const link of this.links) link.drop()
      await sleep(5)
    }
  }

  /** Forgets the links that are closed. */
  forgetClosed(): void {
    const open = this.links.filter(({ isOpen }) => isOpen)
    this.links.splice(0, this.links.length, ...open)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const link of this.links) link.destroy()
    await closed
  }

  /** The fault of the next connection. */
  take(): Fault {
    if (this.#choose !== undefined) return this.#choose()
    this.#left -= 1
    return this.#left >= 0 ? this.#fault : NO_FAULT
  }

  #accept(raw: Socket): void {
    raw.on('error', () => {})
    const fault = this.take()
    const link = new Link(raw, { keeps: this.#choose === undefined, onBlow: () => this.#onBlow() })
    this.links.push(link)
    link.begin(fault)
    if (refusesToConnect(raw, link, fault)) return
    const secure = fault.connect === 'wrong_certificate' ? this.#certificates?.wrong : this.#certificates?.right
    const near = secure === undefined ? raw : new TLSSocket(raw, { isServer: true, ...secure })
    link.join(near, connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }))
  }
}

/** @returns true if there is to be no connection to the backend */
function refusesToConnect(raw: Socket, link: Link, { connect: deed }: Fault): boolean {
  if (deed === undefined) return false
  link.struck()
  if (deed === 'wrong_certificate') return false
  raw.resume()
  if (deed === 'reset') raw.resetAndDestroy()
  else if (deed === 'alert') raw.once('data', () => raw.end(ALERT))
  else if (deed === 'garbage') raw.end(GARBAGE)
  else if (deed === 'close') raw.end()
  // Who is answered with silence still has its own end noticed.
  raw.once('end', () => raw.destroy())
  return true
}

/** One connection of the gateway, and the one to the backend it stands for. */
export class Link {
  isOpen = true
  /** Something was done to it that the gateway must notice. */
  isStruck = false
  /** Bytes that reached the gateway, one character each. */
  passedDown = ''
  /** Bytes the gateway has sent, one character each. */
  passedUp = ''
  readonly #raw: Socket
  #near: Socket
  #far: Socket | undefined
  #fault: Fault = NO_FAULT
  #isSilent = false
  #isDropped = false
  /** Of `passedDown`. */
  #struckAt = Number.POSITIVE_INFINITY
  #seenDown = ''
  #shapedBytes = { up: 0, down: 0 }

  readonly #notes: { readonly keeps: boolean; readonly onBlow: () => void }

  /** @param notes `keeps` what passes; `onBlow` is told when it is struck */
  constructor(raw: Socket, notes: { readonly keeps: boolean; readonly onBlow: () => void }) {
    this.#raw = raw
    this.#notes = notes
    this.#near = raw
    raw.once('close', () => {
      this.isOpen = false
    })
  }

  begin(fault: Fault): void {
    this.#fault = fault
    this.isStruck = false
    this.passedDown = ''
    this.passedUp = ''
    this.#seenDown = ''
    this.#struckAt = Number.POSITIVE_INFINITY
    this.#shapedBytes = { up: 0, down: 0 }
  }

  join(near: Socket, far: Socket): void {
    this.#near = near
    this.#far = far
    this.#pump(near, far, (chunk) => this.#goUp(chunk))
    this.#pump(far, near, (chunk) => this.#goDown(chunk))
  }

  /** What the gateway can have understood: nothing that came behind the blow. */
  get understood(): string {
    return this.passedDown.slice(0, this.#struckAt)
  }

  struck(): void {
    this.isStruck = true
    this.#struckAt = this.passedDown.length
    this.#notes.onBlow()
  }

  /** An orderly end towards the gateway. */
  drop(): void {
    this.#far?.destroy()
    if (!this.isOpen || this.#isDropped) return
    this.#isDropped = true
    this.#near.end()
    this.#near.resume()
    // A gateway that does not read its end would keep it.
    setTimeout(() => this.#raw.destroy(), 100).unref()
  }

  destroy(): void {
    this.#raw.destroy()
    this.#far?.destroy()
  }

  #pump(source: Socket, sink: Socket, deliver: (chunk: Buffer) => Promise<void>): void {
    source.on('data', (chunk: Buffer) => {
      source.pause()
      void deliver(chunk).then(() => source.resume())
    })
    source.once('end', () => {
      if (!this.#isSilent) sink.end()
      // Half-open to the backend, yet the gateway's own end is its end.
      else if (source === this.#near) source.end()
    })
    source.once('close', () => {
      if (!this.#isSilent) sink.destroy()
    })
    source.on('error', () => {
      if (!this.#isSilent) sink.destroy()
    })
  }

  async #goUp(chunk: Buffer): Promise<void> {
    if (this.#isSilent) return
    await this.#pass(this.#far, chunk, 'up')
    if (this.#notes.keeps) this.passedUp += chunk.toString('latin1')
    const { asked } = this.#fault
    if (asked !== undefined && !this.isStruck) await this.#strike(asked)
  }

  async #goDown(chunk: Buffer): Promise<void> {
    if (this.#isSilent) return
    const at = this.isStruck ? undefined : this.#findMarker(chunk)
    if (at === undefined) return this.#tellDown(chunk)
    await this.#tellDown(chunk.subarray(0, at))
    const deed = this.#fault.answered?.deed ?? 'close'
    const rest = chunk.subarray(at)
    if (deed === 'overwrite') rest.set(GARBAGE.subarray(0, Math.min(OVERWRITTEN_BYTES, rest.length)))
    await this.#strike(deed)
    if (deed === 'garbage' || deed === 'overwrite') await this.#tellDown(rest)
    // What comes behind garbage nobody understands: the backend must not finish into it.
    if (deed === 'garbage') this.#far?.destroy()
  }

  /** @returns where in the chunk the blow falls */
  #findMarker(chunk: Buffer): number | undefined {
    const { answered } = this.#fault
    if (answered === undefined) return undefined
    const before = this.#seenDown.length
    this.#seenDown += chunk.toString('latin1')
    const { marker, count = 1, before: isBefore } = answered
    let from = -1
    for (let seen = 0; seen < count; seen += 1) {
      from = this.#seenDown.indexOf(marker, from + 1)
      if (from === -1) return undefined
    }
    return Math.max((isBefore === true ? from : from + marker.length) - before, 0)
  }

  async #tellDown(chunk: Buffer): Promise<void> {
    if (chunk.length === 0) return
    if (this.#notes.keeps) this.passedDown += chunk.toString('latin1')
    await this.#pass(this.#near, chunk, 'down')
  }

  async #strike(deed: Deed): Promise<void> {
    this.struck()
    if (deed === 'silence') {
      this.#isSilent = true
      // The gateway left just before.
      if (this.#near.readableEnded) this.#near.end()
    } else if (deed === 'reset') {
      // The backend loses its side at once: it must not go on into a connection that is as good as gone.
      this.#isSilent = true
      this.#far?.destroy()
      await sleep(BEFORE_RESET_MS)
      this.#raw.resetAndDestroy()
    } else if (deed === 'close') {
      this.#far?.destroy()
      // Below TLS: its own goodbye is missing, which is how a cut looks.
      this.#raw.end()
    } else if (deed === 'garbage') await write(this.#raw, GARBAGE)
  }

  async #pass(sink: Socket | undefined, chunk: Buffer, direction: 'up' | 'down'): Promise<void> {
    const flow = this.#fault[direction]
    const { delayMs = 0, firstBytes = Number.POSITIVE_INFINITY } = flow ?? {}
    let rest = chunk
    while (sink !== undefined && rest.length > 0 && !this.#isSilent) {
      const isShaped = flow !== undefined && this.#shapedBytes[direction] < firstBytes
      const piece = rest.subarray(0, isShaped ? (flow.pieceBytes ?? rest.length) : rest.length)
      rest = rest.subarray(piece.length)
      this.#shapedBytes[direction] += piece.length
      // A turn of the loop keeps the pieces apart.
      if (isShaped) await (delayMs > 0 ? sleep(delayMs) : new Promise((resolve) => setImmediate(resolve)))
      await write(sink, piece)
    }
  }
}

/** Resolves when the bytes have left, or nobody takes them any more. */
function write(sink: Socket, bytes: Buffer): Promise<void> {
  if (sink.destroyed || !sink.writable) return Promise.resolve()
  return new Promise((resolve) => {
    const settle = () => {
      sink.off('close', settle)
      resolve()
    }
    sink.once('close', settle)
    sink.write(bytes, settle)
  })
}

/** A proxy that listens on a free loopback port. */
export function startFaultProxy(targetPort: number, certificates?: Certificates): Promise<FaultProxy> {
  return new FaultProxy(targetPort, certificates).listen()
}

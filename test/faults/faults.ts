import { type Fault, NO_FAULT } from '../support/fault-proxy.ts'

/** A fault, and what may be expected of an answer that it befell. */
export interface Trial extends Fault {
  /** The fault is none to the protocol: the answer must be whole. */
  readonly isHarmless?: true
  /** Costs the gateway's silence limit, or more: fewer scenarios. */
  readonly isLong?: true
}

/** In every answer on both transports, in this order (WebSocket frames and SSE chunks hold the same JSON). */
const CREATED = '{"type":"response.created"'
const DELTA = '.delta"'
const COMPLETED = '{"type":"response.completed"'
const HEAD_END = '\r\n\r\n'

const harmless: readonly Trial[] = [
  { ...NO_FAULT, isHarmless: true },
  { name: 'latency both ways', up: { delayMs: 60 }, down: { delayMs: 20 }, isHarmless: true },
  {
    name: 'narrow bandwidth',
    up: { pieceBytes: 1500, delayMs: 8 },
    down: { pieceBytes: 400, delayMs: 8 },
    isHarmless: true,
  },
  { name: 'split at every byte', up: { pieceBytes: 1 }, down: { pieceBytes: 1 }, isHarmless: true },
  { name: 'slow-loris towards the gateway', down: { pieceBytes: 1, delayMs: 4, firstBytes: 120 }, isHarmless: true },
  { name: 'slow-loris towards the backend', up: { pieceBytes: 1, delayMs: 4, firstBytes: 120 }, isHarmless: true },
  {
    name: 'last chunk missing',
    answered: { marker: `${HEAD_END}0${HEAD_END}`, before: true, deed: 'close' },
    isHarmless: true,
  },
]

const connecting: readonly Trial[] = [
  { name: 'reset on connect', connect: 'reset' },
  // The request may have been written by then, and is not sent twice.
  { name: 'reset of the first connection on connect', connect: 'reset', times: 1 },
  { name: 'end on connect', connect: 'close' },
  { name: 'silence on connect', connect: 'silence', isLong: true },
  { name: 'garbage in place of HTTP', connect: 'garbage' },
  { name: 'reset once asked', asked: 'reset' },
  { name: 'end once asked', asked: 'close' },
  { name: 'half-open once asked', asked: 'silence', isLong: true },
  { name: 'reset of a kept connection once asked', asked: 'reset', spares: true },
  { name: 'end of a kept connection once asked', asked: 'close', spares: true },
]

function answering(name: string, marker: string, count = 1): readonly Trial[] {
  const places = { marker, count }
  return [
    { name: `reset ${name}`, answered: { ...places, deed: 'reset' } },
    { name: `end ${name}`, answered: { ...places, deed: 'close' } },
    { name: `half-open ${name}`, answered: { ...places, deed: 'silence' }, isLong: true },
    { name: `garbage ${name}`, answered: { ...places, deed: 'garbage' } },
    { name: `bytes overwritten ${name}`, answered: { ...places, deed: 'overwrite' } },
  ]
}

/** Over plain TCP. */
export const TRIALS: readonly Trial[] = [
  ...harmless,
  ...connecting,
  ...answering('in the head', 'HTTP/1.1 '),
  ...answering('behind the head', HEAD_END),
  ...answering('in the first event', CREATED),
  { name: 'one connection reset in the first event', answered: { marker: CREATED, deed: 'reset' }, times: 1 },
  ...answering('in the first delta', DELTA),
  ...answering('in a later delta', DELTA, 3),
  ...answering('in the last event', COMPLETED),
]

/** Where the connection is encrypted. */
export const TLS_TRIALS: readonly Trial[] = [
  { ...NO_FAULT, isHarmless: true },
  { name: 'TLS: split at every byte', down: { pieceBytes: 1 }, isHarmless: true },
  { name: 'TLS: handshake refused', connect: 'alert' },
  { name: 'TLS: handshake reset', connect: 'reset' },
  { name: 'TLS: handshake ended', connect: 'close' },
  { name: 'TLS: no answer to the handshake', connect: 'silence', isLong: true },
  { name: 'TLS: garbage in place of a handshake', connect: 'garbage' },
  { name: 'TLS: certificate of another host', connect: 'wrong_certificate' },
  ...answering('within TLS behind the head', HEAD_END),
  ...answering('within TLS in a later delta', DELTA, 3),
]

/** What every run of all tests has time for. */
export const QUICK_TRIALS: readonly Trial[] = TRIALS.filter(({ name }) =>
  [
    'none',
    'split at every byte',
    'reset in the head',
    'end in the first event',
    'reset in a later delta',
    'bytes overwritten in a later delta',
    'end in the last event',
  ].includes(name),
)

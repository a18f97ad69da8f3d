import { hash, randomFillSync } from 'node:crypto'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** A fresh UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then random bits. */
export function uuidv7(nowMs = Date.now()): string {
  return formatUuidv7(nowMs, takeRandom(10))
}

/** 2026-01-01T00:00:00Z; derived ids carry a time in the following 198 days so that they read as ordinary UUIDv7. */
const DERIVED_EPOCH_MS = 1_767_225_600_000

/** The same UUIDv7-shaped id for the same parts, on every machine and after every restart. */
export function derivedUuid(...parts: readonly string[]): string {
  const digest = hash('sha256', JSON.stringify(parts), 'buffer')
  return formatUuidv7(DERIVED_EPOCH_MS + (digest.readUIntBE(0, 6) % 2 ** 34), digest.subarray(6, 16))
}

function formatUuidv7(ms: number, tail: Uint8Array): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(ms, 0, 6)
  bytes.set(tail, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** `prefix` + 24 random hexadecimal digits, for ids that only need to be unlikely to meet. */
export function shortId(prefix: string): string {
  return prefix + takeRandom(12).toString('hex')
}

const pool = Buffer.alloc(4096)
let taken = pool.length

/** Random bytes from a pool: asking the system for a few bytes costs as much as for a few thousand. */
function takeRandom(count: number): Buffer {
  if (taken + count > pool.length) {
    randomFillSync(pool)
    taken = 0
  }
  taken += count
  return pool.subarray(taken - count, taken)
}

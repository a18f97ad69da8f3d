import type { Payload } from '../../src/backends/openai-codex/payload.ts'
import type { SocketTurnRequest } from '../../src/backends/openai-codex/websocket/turn-request.ts'
import type { OpenStream } from '../../src/turn/connector.ts'

const HEADERS: [string, string][] = [
  ['authorization', 'Bearer t'],
  ['openai-beta', 'responses_websockets=2026-02-06'],
]
/** A turn of a conversation, towards a simulator that takes anything. */
export function socketTurnRequest(url: string, key: string): SocketTurnRequest {
  const fields = { model: 'gpt-5.5', input: [{ type: 'message', role: 'user', content: [] }], stream: true }
  const names = { dropped: [], droppedByMode: [], adjusted: [], warnings: [] }
  const texts = { restore: new Map(), systemText: '', firstUserText: '', isFollowUp: false }
  const payload: Payload = { fields, isLite: false, isPassthrough: false, ...names, ...texts }
  const ids = { sessionId: 's', installationId: 'i', turnId: 't', contextWindowId: 'w' }
  return {
    endpoint: 'responses',
    slug: 'gpt-5.5',
    host: new URL(url).host,
    timeoutMs: 5000,
    payload,
    form: 'items',
    credentials: {
      current: async () => ({ token: 't', kind: 'chatgpt', accountId: 'a', isFedramp: false }),
      renew: () => Promise.reject(new Error('not asked')),
      describe: () => Promise.reject(new Error('not asked')),
    },
    prepareAttempt: async () => ({
      url,
      headers: [...HEADERS, ['content-type', 'application/json']],
      body: JSON.stringify(fields),
      bodyBytes: 2,
    }),
    prepareSocket: async () => ({
      url,
      conversation: { accountId: 'a', key },
      identity: { key, ...ids, startedAtMs: 0, credentialKind: 'chatgpt' },
      headers: () => HEADERS,
    }),
    observer: { answered: () => {}, limited: () => {} },
  }
}

/** Whoever asks has no use for the answer. */
export async function readAll({ events }: Pick<OpenStream, 'events'>): Promise<void> {
  for await (const _ of events) {
    // Only the end matters.
  }
}

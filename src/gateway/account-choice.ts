import { createHash } from 'node:crypto'
import type { Credential, CredentialSource } from '../turn/connector.ts'
import { GatewayError } from '../turn/errors.ts'
import type { Turn } from '../turn/turn.ts'

/** A name for the turn's conversation that is known before its account is: the client's own, else how it began. */
export function toConversation({ conversationKey, client, agent, body }: Turn): string {
  if (conversationKey !== undefined) return JSON.stringify([client.keyId, conversationKey])
  const first = body.input.find(({ role }) => role === 'user')
  const beginning = JSON.stringify([client.keyId, agent ?? '', body.instructions ?? '', first ?? null])
  return createHash('sha256').update(beginning).digest('base64url')
}

/** The first account, beginning with this one, that is signed in. @throws GatewayError of the last one */
export async function signedIn(
  credentials: CredentialSource,
  signal: AbortSignal,
): Promise<{ credentials: CredentialSource; credential: Credential }> {
  try {
    return { credentials, credential: await credentials.current(signal) }
  } catch (thrown) {
    const other = thrown instanceof GatewayError ? credentials.refused?.(thrown) : undefined
    if (other === undefined) throw thrown
    return await signedIn(other, signal)
  }
}

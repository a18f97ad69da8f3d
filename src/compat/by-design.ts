import type { Difference } from './compare.ts'

/** Who asks the gateway: the CLI itself, or a client whose turn the gateway names all by itself. */
export type Sender = 'codex-cli' | 'chat'

/** A difference that is meant to be. */
export interface ByDesign {
  readonly path: RegExp
  readonly kinds: readonly Difference['kind'][]
  readonly reason: string
  /** Undefined = whoever asks. */
  readonly sender?: Sender
  /** Names of the captures it holds for; undefined = all. */
  readonly captures?: RegExp
}

const WARM_UP = 'A warm-up goes under the names of the client’s own turn, which it prepares (connector.md §12.2).'

const MACHINE =
  'sandbox|sandbox_mode|auto_review_enabled|node_repl_auto_review_required|node_repl_disabled|analytics_enabled'

/** Everything in which the gateway's requests differ from the CLI's on purpose. What is not here is a fault. */
export const BY_DESIGN: readonly ByDesign[] = [
  {
    path: /^body\.instructions$/,
    kinds: ['added'],
    reason:
      'A classic body states instructions, if empty: the backend has refused requests without (upstream.md §10.1).',
  },
  {
    sender: 'codex-cli',
    path: /^body\.input\[\]\.(?:id|status)$/,
    kinds: ['missing'],
    reason: 'The backend takes ids for references to stored items; ids and statuses are removed (connector.md §8.1).',
  },
  {
    sender: 'codex-cli',
    path: /^body\.input\[\]\.content$/,
    kinds: ['missing'],
    reason: 'A reasoning item with content null loses the key (connector.md §8.1).',
  },
  {
    sender: 'codex-cli',
    path: /^body\.input\[\]\.internal_chat_message_metadata_passthrough$/,
    kinds: ['missing'],
    reason: 'The CLI leaves it out for other providers than its own (upstream.md §1.2).',
  },
  {
    sender: 'codex-cli',
    path: /^body\.client_metadata\.(?:guardian_credits_requested|mcp_attribution)$/,
    kinds: ['missing'],
    reason: 'The CLI leaves it out for other providers, and a client keeps its own metadata (connector.md §8.1).',
  },
  {
    sender: 'codex-cli',
    path: /^body\.client_metadata\.x-codex-ws-stream-request-start-ms$/,
    kinds: ['missing'],
    reason: 'The client came over HTTP and keeps its own metadata (connector.md §8.1).',
  },
  {
    sender: 'codex-cli',
    captures: /^2\d-.*, message 1$|^32-.*, message 1$/,
    path: /^(?:headers|body\.client_metadata)\.x-codex-turn-metadata(?:\.(?:request_kind|turn_id|root_turn_id|turn_trigger|turn_started_at_unix_ms))?$/,
    kinds: ['changed', 'added'],
    reason: WARM_UP,
  },
  {
    sender: 'codex-cli',
    captures: /, message 1$/,
    path: /^body\.client_metadata\.(?:turn_id|root_turn_id)$/,
    kinds: ['changed', 'added'],
    reason: WARM_UP,
  },
  {
    sender: 'codex-cli',
    captures: /^21-.*, message 1$/,
    path: /^body\.input\[\]$/,
    kinds: ['missing'],
    reason: 'A warm-up holds no part of the conversation, in either shape; the turn behind it brings all of it.',
  },
  {
    sender: 'codex-cli',
    captures: /^2[56]-/,
    path: /^headers\.(?:originator|user-agent|x-codex-turn-metadata\..*)$/,
    kinds: ['changed', 'missing', 'added'],
    reason:
      'A program that embeds the CLI under a name of its own is served as any client: the gateway names the turn.',
  },
  {
    sender: 'codex-cli',
    captures: /^26-.*, message 1$/,
    path: /^body\.(?:text\.format|reasoning\.effort|client_metadata\.x-codex-turn-metadata\.reasoning_effort)$/,
    kinds: ['changed', 'added'],
    reason: 'The CLI opened that connection with other settings than those of the turn it went on to ask for.',
  },
  {
    sender: 'chat',
    path: new RegExp(`\\.x-codex-turn-metadata\\.(?:${MACHINE})$`),
    kinds: ['missing'],
    reason: 'The turn metadata holds ids only, nothing of the machine or its sandbox (connector.md §12.2).',
  },
  {
    sender: 'chat',
    path: /^body\.reasoning\.summary$/,
    kinds: ['added'],
    reason: 'A chat client is shown the reasoning unless it asks for none, hence a summary (connector.md §4.5).',
  },
]

export function findByDesign({ path, kind }: Difference, sender: Sender, capture: string): ByDesign | undefined {
  return BY_DESIGN.find(
    (rule) =>
      (rule.sender ?? sender) === sender &&
      (rule.captures?.test(capture) ?? true) &&
      rule.kinds.includes(kind) &&
      rule.path.test(path),
  )
}

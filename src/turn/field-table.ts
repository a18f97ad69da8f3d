/** What becomes of a request field (connector.md §7.1, §8.1). */
export type FieldClass = 'passed' | 'mapped' | 'honoured' | 'emulated' | 'dropped' | 'refused' | "gateway's own"

/** Keys that every door takes for the gateway itself (connector.md §5.2, §5.5, §5.9, §11.1). */
export const OWN_FIELDS = {
  extra_body: "gateway's own",
  codex_capabilities: "gateway's own",
  client_capabilities: "gateway's own",
  capabilities: "gateway's own",
  codex_system_prompt: "gateway's own",
  codex_environment_context: "gateway's own",
  agent: "gateway's own",
  session_id: "gateway's own",
  conversation_id: "gateway's own",
  project_dir: "gateway's own",
  cwd: "gateway's own",
  approval_policy: "gateway's own",
  sandbox_mode: "gateway's own",
  network_access: "gateway's own",
  shell: "gateway's own",
} as const satisfies Record<string, FieldClass>

export type OwnField = keyof typeof OWN_FIELDS

/** True for fields that a rule of the door takes care of; all others are dropped and reported. */
export function isHandledBy(table: Readonly<Record<string, FieldClass>>, name: string): boolean {
  return Object.hasOwn(table, name) && table[name] !== 'dropped'
}

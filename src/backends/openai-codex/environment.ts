import type { EnvironmentWishes, InputItem } from '../../turn/turn.ts'

/** The environment message of connector.md §5.9: the client's own values only; undefined if there is none. */
export function toEnvironmentMessage(wishes: EnvironmentWishes): InputItem | undefined {
  const text = wishes.block ?? toBlock(wishes)
  if (text === undefined) return undefined
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

function toBlock(wishes: EnvironmentWishes): string | undefined {
  const lines = [
    element('cwd', wishes.cwd),
    element('approval_policy', wishes.approvalPolicy),
    element('sandbox_mode', wishes.sandboxMode),
    element('network_access', wishes.networkAccess),
    element('shell', wishes.shell),
  ].flat()
  if (lines.length === 0) return undefined
  return ['<environment_context>', ...lines, '</environment_context>'].join('\n')
}

function element(name: string, value: string | undefined): string[] {
  return value === undefined || value === '' ? [] : [`  <${name}>${escapeXml(value)}</${name}>`]
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

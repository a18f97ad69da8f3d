import { expect, test } from 'vitest'
import { type ToolTextFormats, toToolText } from './tool-text.ts'

const formats = (format: ToolTextFormats['format'], fallback: ToolTextFormats['format'] = 'summary') => ({
  format,
  fallback,
})

test('K-20: none says nothing, summary names the tool and cuts its arguments at 200 characters', () => {
  expect(toToolText('f', '{}', formats('none'))).toBe('')
  expect(toToolText('f', '{"a":1}', formats('summary'))).toBe('[tool:f] {"a":1}')
  expect(toToolText('f', '🙂'.repeat(300), formats('summary'))).toBe(`[tool:f] ${'🙂'.repeat(200)}`)
})

test('shell commands as XML, whatever the tool calls them, escaped', () => {
  const text = '<execute_command><command>a &lt; b &amp;&amp; c</command><cwd>/x</cwd></execute_command>'
  expect(toToolText('exec_command', '{"cmd":"a < b && c","workdir":"/x"}', formats('codex_xml'))).toBe(text)
  expect(toToolText('bash', '{"command":"a < b && c","cwd":"/x"}', formats('xml'))).toBe(text)
  expect(toToolText('shell', '{"command":["ls","-l"]}', formats('codex_xml'))).toBe(
    '<execute_command><command>ls -l</command></execute_command>',
  )
})

test('patches as XML, bare or as an argument', () => {
  const patch = '*** Begin Patch\n*** Update File: a.txt\n-x\n+y\n*** End Patch'
  const text = `<apply_diff><path>a.txt</path><diff>${patch}</diff></apply_diff>`
  expect(toToolText('apply_patch', patch, formats('codex_xml'))).toBe(text)
  expect(toToolText('apply_patch', JSON.stringify({ input: patch }), formats('codex_xml'))).toBe(text)
})

test('images as XML and as a link', () => {
  expect(toToolText('view_image', '{"path":"/a.png"}', formats('codex_xml'))).toBe(
    '<view_image><path>/a.png</path></view_image>',
  )
  expect(toToolText('view_image', '{"path":"/a.png"}', formats('markdown'))).toBe('![/a.png](/a.png)')
})

test('markdown fences are longer than any inside', () => {
  expect(toToolText('bash', '{"command":"ls"}', formats('markdown'))).toBe('```bash\nls\n```')
  expect(toToolText('apply_patch', '+```js', formats('markdown'))).toBe('````diff\n+```js\n````')
})

test('K-21: other tools are told in the fallback format, or not at all', () => {
  expect(toToolText('weather', '{}', formats('codex_xml'))).toBe('[tool:weather] {}')
  expect(toToolText('weather', '{}', formats('markdown', 'none'))).toBe('')
  expect(toToolText('weather', '{}', formats('codex_xml', 'markdown'))).toBe('**weather**\n```json\n{}\n```')
  expect(toToolText('weather', '{}', formats('codex_xml', 'codex_xml'))).toBe('[tool:weather] {}')
})

test('arguments that are no JSON object do no harm', () => {
  expect(toToolText('bash', 'ls', formats('markdown'))).toBe('```bash\n\n```')
})

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { CLI_PROFILE } from '../backends/openai-codex/cli-profile.ts'
import { BY_DESIGN } from './by-design.ts'
import { renderJson, renderText } from './render.ts'
import { compareWithCaptures } from './report.ts'

const CAPTURES = fileURLToPath(new URL('../../test/fixtures/codex-cli', import.meta.url))

/** A copy of one capture with something changed in its text. */
function altered(name: string, change: (text: string) => string): string {
  const directory = mkdtempSync(join(tmpdir(), 'captures-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  cpSync(join(CAPTURES, name), join(directory, name))
  const before = readFileSync(join(directory, name), 'utf8')
  const after = change(before)
  expect(after).not.toBe(before)
  writeFileSync(join(directory, name), after)
  return directory
}

test('nothing the gateway sends differs from the captures of the CLI but by design', async () => {
  const report = await compareWithCaptures(CAPTURES)
  expect(report.turns.filter(({ unexpected }) => unexpected.length > 0)).toEqual([])
  expect(report.heldTo).toMatchObject({
    version: CLI_PROFILE.version,
    sources: [`codex-cli ${CLI_PROFILE.version} (linux-x64)`],
  })
})

test('all captures are compared, as the CLI asks and, where one could, as a chat client does', async () => {
  const { turns } = await compareWithCaptures(CAPTURES)
  const seen = (sender: string) => [
    ...new Set(turns.filter((turn) => turn.sender === sender).map(({ capture }) => capture.slice(0, 2))),
  ]
  const all = ['03', '04', '05', '06', '07', '08', '11', '14', '15', '20', '21', '23', '25', '51']
  expect(seen('codex-cli')).toEqual(all)
  expect(seen('chat')).toEqual(['03', '05', '07', '15', '20', '21', '23', '51'])
  expect(turns.every(({ equal }) => equal > 15)).toBe(true)
})

test('every rule is of use, but for that of a capture that is not kept here', async () => {
  const { turns } = await compareWithCaptures(CAPTURES)
  const used = new Set(turns.flatMap(({ byDesign }) => byDesign.map(({ rule }) => rule)))
  expect(BY_DESIGN.filter((rule) => !used.has(rule)).map(({ captures }) => String(captures))).toEqual([
    '/^26-.*, message 1$/',
  ])
})

test.each([
  ['03-responses-http-lite-first.json', /"0\.169\.0"/, '"0.170.0"', 'headers.version', 'changed'],
  ['03-responses-http-lite-first.json', /x-codex-window-id",/, 'x-codex-new",', 'headers.x-codex-new', 'missing'],
  ['03-responses-http-lite-first.json', /"store": false,/, '"novel": 1,\n  "store": false,', 'body.novel', 'missing'],
  ['05-responses-http-classic-first.json', /"stream": true,/, '', 'body.stream', 'added'],
] as const)('a difference in %s is found: %s', async (name, pattern, replacement, path, kind) => {
  const { turns } = await compareWithCaptures(altered(name, (text) => text.replace(pattern, replacement)))
  const found = turns.flatMap(({ unexpected }) => unexpected)
  expect(found).toContainEqual(expect.objectContaining({ path, kind }))
})

test('a change of order is found', async () => {
  const directory = altered('03-responses-http-lite-first.json', (text) =>
    text.replace('"tool_choice": "auto",', '').replace('"store": false,', '"store": false,\n  "tool_choice": "auto",'),
  )
  const { turns } = await compareWithCaptures(directory)
  expect(turns[0]?.unexpected).toMatchObject([{ path: 'body', kind: 'order' }])
})

test('the report says what it was held to, reasons once, and no token', async () => {
  const report = await compareWithCaptures(CAPTURES)
  const text = renderText(report)
  expect(text).toContain('Held to: codex-cli 0.169.0 (linux-x64).')
  expect(text).toMatch(/^03-responses-http-lite-first \(asked by codex-cli\): \d+ equal, \d+ by design, 0 unexpected$/m)
  expect(text).toContain('Nothing unexpected.')
  expect(text.split('ids and statuses are removed').length).toBe(2)
  const json = JSON.stringify(renderJson(report))
  for (const output of [text, json]) expect(output).not.toMatch(/Bearer|not-a-token/)
})

test('a directory without captures is a mistake', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'captures-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  await expect(compareWithCaptures(directory)).rejects.toThrow('no capture of a turn')
})

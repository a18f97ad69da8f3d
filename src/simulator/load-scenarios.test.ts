import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadScenarios } from './load-scenarios.ts'

function fileWith(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'scenarios-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'scenarios.yaml')
  writeFileSync(path, content)
  return path
}

test('YAML and JSON files hold a list, bare or under `scenarios`', () => {
  const scenario = { name: 'slow', match: { model: 'gpt-5.5' }, pace_ms: 5, stream: [{ say: 'Hi' }] }
  const yaml = 'scenarios:\n  - name: slow\n    match: {model: gpt-5.5}\n    pace_ms: 5\n    stream:\n      - say: Hi\n'
  expect(loadScenarios(fileWith(yaml))).toEqual([scenario])
  expect(loadScenarios(fileWith(JSON.stringify([scenario])))).toEqual([scenario])
})

test('mistakes name the file and the place', () => {
  const path = fileWith('- {stream: [{say: 1}]}\n')
  expect(() => loadScenarios(path)).toThrow(`${path}: scenarios[0].stream.0.say`)
  expect(() => loadScenarios(fileWith('a: 1'))).toThrow('expected a list of scenarios')
})

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { isObject } from '../lib/json.ts'
import { parseScenario, type Scenario } from './scenario.ts'

/**
 * Reads a YAML or JSON file: a list of scenarios, or an object with that list under `scenarios`.
 * @throws Error naming the file and every mistake
 */
export function loadScenarios(path: string): Scenario[] {
  const content: unknown = parse(readFileSync(path, 'utf8'))
  const list = isObject(content) ? content.scenarios : content
  if (!Array.isArray(list)) throw new Error(`${path}: expected a list of scenarios, or "scenarios:" with one.`)
  return list.map((value, index) => parseScenario(value, `${path}: scenarios[${index}]`))
}

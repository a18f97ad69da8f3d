import { expect, test } from 'vitest'
import { type Origin, SettingsTree } from './settings-tree.ts'

const FILE: Origin = { kind: 'file', name: 'config.yaml' }
const FLAG: Origin = { kind: 'command line', name: '--set' }

test('maps are merged, lists and plain values replace, and each leaf knows where it comes from', () => {
  const tree = new SettingsTree({ a: { b: 1, list: [1, 2] }, c: 'x' }, FILE)
  tree.assign({ path: ['a'], value: { list: [3], d: { e: true } }, origin: FLAG })
  expect(tree.root).toEqual({ a: { b: 1, list: [3], d: { e: true } }, c: 'x' })
  expect([['a', 'b'], ['a', 'list'], ['a', 'd', 'e'], ['c'], ['nothing']].map((path) => tree.originOf(path))).toEqual([
    FILE,
    FLAG,
    FLAG,
    FILE,
    undefined,
  ])
})

test('a map where the file has a plain value leaves that value to be reported', () => {
  const tree = new SettingsTree({ server: 5 }, FILE)
  tree.assign({ path: ['server', 'port'], value: 1, origin: FLAG })
  expect(tree.root).toEqual({ server: 5 })
})

test('keys that name parts of every object are keys like others', () => {
  const tree = new SettingsTree({}, FILE)
  tree.assign({ path: ['__proto__', 'polluted'], value: true, origin: FLAG })
  tree.assign({ path: ['constructor', 'prototype', 'polluted'], value: true, origin: FLAG })
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
  expect(Object.keys(tree.root)).toEqual(['__proto__', 'constructor'])
  expect(tree.at(['toString'])).toBeUndefined()
})

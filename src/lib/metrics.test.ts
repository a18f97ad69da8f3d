import { expect, test } from 'vitest'
import { MetricsRegistry } from './metrics.ts'

test('the text is Prometheus’ own: help and type, one line a series, labels escaped', () => {
  const registry = new MetricsRegistry()
  const turns = registry.counter('turns_total', 'Turns.', ['kind'])
  registry.counter('plain_total', 'Nothing yet.')
  registry.gauge('open', 'Open ones.', ['name'], () => [[{ name: 'a "b"\\\n' }, 2]])
  turns.add(1, { kind: 'x' })
  turns.add(2.5, { kind: 'y' })
  turns.add(1, { kind: 'x' })
  expect(registry.render().split('\n')).toEqual([
    '# HELP turns_total Turns.',
    '# TYPE turns_total counter',
    'turns_total{kind="x"} 2',
    'turns_total{kind="y"} 2.5',
    '# HELP plain_total Nothing yet.',
    '# TYPE plain_total counter',
    'plain_total 0',
    '# HELP open Open ones.',
    '# TYPE open gauge',
    'open{name="a \\"b\\"\\\\\\n"} 2',
    '',
  ])
})

test('a histogram counts each value in its bucket and in all above', () => {
  const registry = new MetricsRegistry()
  const times = registry.histogram('seconds', 'Times.', [0.1, 1], ['how'])
  for (const value of [0.05, 0.1, 0.5, 3]) times.observe(value, { how: 'fast' })
  expect(registry.render().split('\n').slice(2, -1)).toEqual([
    'seconds_bucket{how="fast",le="0.1"} 2',
    'seconds_bucket{how="fast",le="1"} 3',
    'seconds_bucket{how="fast",le="+Inf"} 4',
    'seconds_sum{how="fast"} 3.65',
    'seconds_count{how="fast"} 4',
  ])
})

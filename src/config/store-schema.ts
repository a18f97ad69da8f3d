import { z } from 'zod'
import { section, setting } from './setting.ts'

const MEBIBYTE = 1024 * 1024

export const storeSchema = section(
  {
    type: setting(
      z.enum(['sqlite', 'memory']),
      'sqlite',
      'Where answers of `/v1/responses` are kept unless the client says `store: false`: `responses.sqlite` in the state directory, or until the gateway ends.',
    ),
    ttl_hours: setting(z.number().min(0.01).max(8760), 24, 'How long after its last use an answer is kept.'),
    max_responses: setting(
      z.int().min(1).max(1_000_000),
      5000,
      'How many answers are kept; the least recently used go first.',
    ),
    max_bytes: setting(
      z
        .int()
        .min(MEBIBYTE)
        .max(1024 * 1024 * MEBIBYTE),
      256 * MEBIBYTE,
      'How much they may weigh together, as JSON.',
    ),
  },
  'Stored answers.',
)

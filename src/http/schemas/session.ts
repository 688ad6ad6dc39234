import { z } from 'zod'
import { ROLES } from '../../auth/caller.ts'
import { count, priorityNames } from './responses.ts'

/** What `GET /api/session` answers. */
export const sessionReply = z
  .object({
    name: z.string(),
    role: z.enum(ROLES),
    max_priority: z.number().meta({ description: 'The highest level that it may ask for.' }),
    max_priority_name: priorityNames,
    is_session: z.boolean().meta({ description: 'Whether it is known by the cookie, and can log out.' }),
    types: z.array(
      z.object({
        type: z.string(),
        description: z.string().nullable(),
        input: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema of its input.' }),
        output: z
          .record(z.string(), z.unknown())
          .nullable()
          .meta({ description: 'JSON Schema of its result; null: any JSON.' }),
        upload: z
          .object({ accept: z.array(z.string()), max_bytes: count })
          .nullable()
          .meta({ description: 'The file that it takes, by media type.' }),
        formats: z.array(z.string()).meta({ description: 'What its result can be had as.' }),
      }),
    ),
    version: z.string(),
  })
  .meta({ id: 'Session' })

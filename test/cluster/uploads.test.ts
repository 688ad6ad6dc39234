import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import S3rver from 's3rver'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { DatabaseBlobs } from '../../src/cluster/database/database-blobs.ts'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { defineTask } from '../../src/index.ts'
import type { Blobs } from '../../src/uploads/blobs.ts'
import { FolderBlobs } from '../../src/uploads/folder-blobs.ts'
import { FolderStore } from '../../src/uploads/folder-store.ts'
import { S3Blobs } from '../../src/uploads/s3-blobs.ts'
import { SharedStore } from '../../src/uploads/shared-store.ts'
import { openDatabase } from '../support/cluster.ts'
import { tempFolder } from '../support/journal.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { listSpool } from '../support/spool.ts'
import { startServer } from '../support/server.ts'

const programs = postgresPrograms()
const KEY = { s3KeyId: 'S3RVER', s3Secret: 'S3RVER' }
const ID = '01999999-0000-7000-8000-00000000000a'
const OTHER = '01999999-0000-7000-8000-00000000000b'

const take = defineTask({
  type: 'take',
  input: z.object({}),
  upload: { accept: ['text/plain'], maxBytes: 30_000_000 },
  run: async (_input, { upload }) => {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(upload?.path ?? '')) hash.update(chunk as Buffer)
    return hash.digest('hex')
  },
})

/** A store of S3 with a bucket, on this machine. */
async function startS3() {
  const directory = await tempFolder()
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: 'uploads', configs: [] }],
  })
  const listening = await server.run()
  let stopped: Promise<void> | null = null
  const stop = () => (stopped ??= server.close())
  onTestFinished(stop)
  const { port } = listening
  const url = `s3://uploads/some/place?endpoint=http://127.0.0.1:${port}`
  const list = async () =>
    (await readdir(directory, { recursive: true })).filter((name) => /[0-9a-f]{12}\./.test(name))
  return { url, list, stop }
}

describe.skipIf(programs === undefined)('uploads for several processes', () => {
  const postgres = usePostgres(programs)
  const start = (databaseUrl: string, role: 'web' | 'worker', uploadsUrl: string) =>
    startServer({
      tasks: [take],
      settings: {
        ...KEY,
        databaseUrl,
        role,
        workerName: `${role} ${Math.random()}`,
        builtins: [],
        keepUploadsMs: 0,
        maxUploadBytes: 30_000_000,
        uploadsUrl,
      },
    })

  async function folder() {
    const path = await tempFolder()
    return { url: `file://${path}`, list: () => readdir(path) }
  }
  function database(url: string) {
    const db = openDatabase(url)
    const list = async () =>
      (await db.query<{ id: string }>('SELECT id FROM headgate.uploads')).map(({ id }) => id)
    return { url: '', list }
  }

  test.each(['database', 'folder', 's3'])(
    'a file that one process takes in is read by another, whole, and nothing is left of it (%s)',
    async (kind) => {
      const url = await postgres.newDatabase()
      const store = kind === 's3' ? await startS3() : kind === 'folder' ? await folder() : database(url)
      const web = await start(url, 'web', store.url)
      const content = 'a line of twenty-one\n'.repeat(1_000_000)
      const { status, body } = await web.upload('/take', content, { name: 'long.txt' })
      expect(status).toBe(202)
      expect((await store.list()).length).toBeGreaterThan(0)
      // It is kept there alone.
      expect(await listSpool(web.dataDir)).toEqual([])
      const worker = await start(url, 'worker', store.url)
      const task = await web.ended(body['task_id'] as string)
      expect(task['result']).toBe(createHash('sha256').update(content).digest('hex'))
      await expect.poll(store.list).toEqual([])
      for (const { dataDir } of [web, worker]) await expect.poll(() => listSpool(dataDir)).toEqual([])
    },
  )

  test('processes that share DATA_DIR leave the files of each other alone', async () => {
    const url = await postgres.newDatabase()
    const folder = await tempFolder()
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const late = defineTask({
      type: 'late',
      input: z.object({}),
      upload: { accept: ['text/plain'], maxBytes: 1000 },
      run: async (_input, { upload }) => {
        begin()
        await opened
        return (await readFile(upload?.path ?? '')).toString()
      },
    })
    const settings = { databaseUrl: url, builtins: [] }
    const worker = (workerName: string) =>
      startServer({ folder, tasks: [late], settings: { ...settings, role: 'worker', workerName } })
    const web = await startServer({
      tasks: [late],
      settings: { ...settings, role: 'web', workerName: 'web' },
    })
    await worker('one')
    const { body } = await web.upload('/late', 'Some text.', { name: 'a.txt' })
    await begun
    // A start sweeps.
    await worker('two')
    open()
    expect(await web.ended(String(body['task_id']))).toMatchObject({
      status: 'completed',
      result: 'Some text.',
    })
  })

  test('a store that is away takes no file and loses no task', async () => {
    const url = await postgres.newDatabase()
    const store = await startS3()
    const web = await start(url, 'web', store.url)
    await store.stop()
    const { status, body } = await web.upload('/take', 'Some text.', { name: 'a.txt' })
    expect([status, body['type']]).toEqual([503, expect.stringContaining('journal-unavailable')])
    expect(await listSpool(web.dataDir)).toEqual([])
  })

  test.each([
    ['s3://nowhere?endpoint=http://127.0.0.1:PORT', 'the bucket nowhere answers 404'],
    ['s3://uploads?endpoint=none', 'its endpoint is no address'],
  ])('a store that cannot be used stops the start: %s', async (address, why) => {
    const url = await postgres.newDatabase()
    const { port } = new URL(new URL((await startS3()).url).searchParams.get('endpoint') ?? '')
    const uploadsUrl = address.replace('PORT', port)
    await expect(start(url, 'web', uploadsUrl)).rejects.toMatchObject({
      code: 'invalid-setting',
      message: `UPLOADS_URL: ${why}.`,
    })
  })

  test('without a database the files are in DATA_DIR, and a setting that says otherwise is refused', async () => {
    const refused = startServer({ settings: { uploadsUrl: 'file:///tmp/none', databaseUrl: '' } })
    await expect(refused).rejects.toMatchObject({ code: 'invalid-setting' })
  })

  /** The same promises of each place. */
  describe.each(['database', 'folder', 's3'])('%s', (kind) => {
    async function open(): Promise<Blobs> {
      if (kind === 'folder') return new FolderBlobs(await tempFolder())
      if (kind === 's3') {
        const { url } = await startS3()
        return new S3Blobs({ url, accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' })
      }
      const db = openDatabase(await postgres.newDatabase())
      await migrate(db)
      return new DatabaseBlobs(db)
    }
    const read = async (blobs: Blobs, id: string) => {
      const parts: Uint8Array[] = []
      for await (const part of blobs.read(id)) parts.push(part)
      return Buffer.concat(parts).toString()
    }
    async function put(blobs: Blobs, spoolId: string, text: string) {
      const path = join(await tempFolder(), 'file')
      await writeFile(path, text)
      await blobs.put({ spoolId, sha256: createHash('sha256').update(text).digest('hex') }, path)
    }

    test('what was put is read, copied, listed when it is old, and removed', async () => {
      const blobs = await open()
      await blobs.start()
      expect(await read(blobs, ID)).toBe('')
      await put(blobs, ID, 'Some text.')
      expect(await read(blobs, ID)).toBe('Some text.')
      expect([await blobs.copy(ID, OTHER), await blobs.copy(ID.replace(/a$/, 'c'), OTHER)]).toEqual([
        true,
        false,
      ])
      expect(await read(blobs, OTHER)).toBe('Some text.')
      const listOld = async (ageMs: number) => (await Array.fromAsync(blobs.listOld(ageMs))).flat().toSorted()
      expect(await listOld(60_000)).toEqual([])
      expect(await listOld(-60_000)).toEqual([ID, OTHER])
      await blobs.remove(ID)
      await blobs.remove(ID)
      expect([await read(blobs, ID), await read(blobs, OTHER)]).toEqual(['', 'Some text.'])
    })

    test('a sweep removes old files that no task names, and what is not ours stays', async () => {
      const blobs = await open()
      await blobs.start()
      for (const id of [ID, OTHER]) await put(blobs, id, id)
      const old: Blobs = Object.assign(Object.create(blobs) as Blobs, {
        listOld: () => blobs.listOld(-60_000),
        remove: (id: string) => blobs.remove(id),
      })
      const local = new FolderStore(await tempFolder())
      await new SharedStore({ local, blobs: old, findNamed: () => Promise.resolve(new Set([OTHER])) }).sweep(
        () => false,
      )
      expect([await read(blobs, ID), await read(blobs, OTHER)]).toEqual(['', OTHER])
    })
  })

  test('a task that starts while its store is away for a moment waits for its file', async () => {
    const text = 'Some text.'
    const sha256 = createHash('sha256').update(text).digest('hex')
    const local = new FolderStore(await tempFolder())
    await local.start()
    let tries = 0
    const blobs = {
      read: () => {
        tries += 1
        if (tries < 3) throw new Error('away')
        return Readable.from([Buffer.from(text)])
      },
    } as unknown as Blobs
    const store = new SharedStore({ local, blobs, findNamed: () => Promise.resolve(new Set()) })
    const upload = { spoolId: ID, name: 'a.txt', mediaType: 'text/plain', bytes: text.length, sha256 }
    expect(await store.open(upload)).toContain(ID)
    expect(tries).toBe(3)
  })

  test('a folder that holds what is not ours is refused', async () => {
    const folder = await tempFolder()
    await mkdir(join(folder, 'photos'))
    await utimes(join(folder, 'photos'), 0, 0)
    await expect(new FolderBlobs(folder).start()).rejects.toMatchObject({ code: 'invalid-setting' })
  })
})

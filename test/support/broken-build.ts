import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { ROOT } from './process.ts'

/**
 * A copy of the sources with one thing changed, such as a promise that tests must see broken. It lies inside
 * the project, so that it finds the same libraries.
 *
 * @returns its folder
 */
export async function brokenBuild(file: string, right: string, wrong: string): Promise<string> {
  await mkdir(join(ROOT, 'data'), { recursive: true })
  const folder = await mkdtemp(join(ROOT, 'data', 'broken-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await cp(join(ROOT, 'src'), join(folder, 'src'), { recursive: true })
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'))
  // Its tasks import it, and not the build of before.
  await cp(join(ROOT, 'test/cluster/tasks.ts'), join(folder, 'test/cluster/tasks.ts'))
  const path = join(folder, 'src', file)
  const text = await readFile(path, 'utf8')
  // Exactly once, so that nothing else is broken.
  expect(text.split(right), `${file} no longer reads as this control expects`).toHaveLength(2)
  await writeFile(path, text.replace(right, wrong))
  return folder
}

// Makes a checkout runnable: installs what the lock file names, prepares tap and builds. Cheap when nothing changed.
// npm runs it before `npm start` and `npm test`, so those two commands are all the set-up there is.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = `${root}node_modules/.logneo-setup`

const digest = name =>
  createHash('sha256')
    .update(readFileSync(root + name))
    .digest('hex')
const wanted = ['package-lock.json', '.taprc'].map(digest).join('\n')

function step(title, command, args) {
  process.stderr.write(`logneo: ${title}...\n`)
  // ONNX Runtime's own install step fetches CUDA libraries; the CPU build inside the package is what we need.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, env, encoding: 'utf8' })
  if (status === 0) return
  process.stderr.write(
    `${stdout ?? ''}${stderr ?? ''}\nlogneo: ${title} failed (${command} ${args.join(' ')})\n`,
  )
  process.exit(1)
}

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  step('installing packages', 'npm', ['ci'])
  step('preparing the test runner', 'npx', ['tap', 'build'])
  writeFileSync(stamp, wanted)
}
step('building', 'npx', ['tsc', '-p', 'tsconfig.json'])

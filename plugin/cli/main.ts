#!/usr/bin/env node
import { exit } from 'node:process'
import { runCli } from './program.js'

exit(await runCli(process.argv))

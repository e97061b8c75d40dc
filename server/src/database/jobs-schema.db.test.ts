import { Client } from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase, createUnmigratedTestDatabase } from '../../../test/support/database.ts'
import { queryOnce } from '../../../test/support/query.ts'
import { migrate } from './migrate.ts'

const log = () => undefined

test('an owner who may not make the schema of jobs is told what a superuser has to run', async () => {
  const database = await createUnmigratedTestDatabase()
  try {
    const { user } = new Client({ connectionString: database.ownerUrl })
    const { user: superuser, database: name } = new Client({
      connectionString: database.superuserUrl,
    })
    await queryOnce(
      database.superuserUrl,
      `alter database ${name} owner to ${superuser}; grant create on schema public to ${user}`,
    )
    await expect(migrate({ url: database.ownerUrl, log })).rejects.toThrow(
      `as a superuser run grant create on database ${name} to ${user}`,
    )
    await queryOnce(database.superuserUrl, `grant create on database ${name} to ${user}`)
    expect(await migrate({ url: database.ownerUrl, log })).toEqual({ applied: [] })
  } finally {
    await database.drop()
  }
})

test('rights that were lost come back with the next migration', async () => {
  const database = await createTestDatabase()
  try {
    const table = 'graphile_worker._private_jobs'
    await queryOnce(database.ownerUrl, `drop policy tallystick_server on ${table}`)
    await migrate({ url: database.ownerUrl, log })
    const rows = await queryOnce(
      database.ownerUrl,
      `select tablename from pg_policies where policyname = 'tallystick_server' order by tablename`,
    )
    expect(rows.map(({ tablename }) => tablename)).toEqual([
      '_private_job_queues',
      '_private_jobs',
      '_private_tasks',
    ])
  } finally {
    await database.drop()
  }
})

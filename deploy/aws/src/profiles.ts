/** What a deployment may cost and must withstand: the two sizes that it comes in. */

export interface Profile {
  /** Zones that have subnets, an address of the load balancer each, and nodes. */
  zoneCount: number
  /** One for all zones, or one in each: the way out of a zone then does not depend on another. */
  natGatewayCount: number
  /** How long flow logs and the logs of the database are kept. */
  logDays: number
  database: {
    /** In the words of RDS without `db.`. */
    instanceType: string
    multiAz: boolean
    /** max_connections: the overlays of deploy/kubernetes count on it. */
    connectionsMax: number
    storageGib: number
    /** Storage grows by itself up to here. */
    storageGibMax: number
    /** How far back a point in time can be restored. */
    backupDays: number
  }
  controlPlaneLogs: 'audit' | 'all'
}

export const profiles = {
  /** For little money: one zone may take it down, and a restore brings it back. */
  small: {
    zoneCount: 2,
    natGatewayCount: 1,
    logDays: 30,
    database: {
      instanceType: 't4g.micro',
      multiAz: false,
      connectionsMax: 100,
      storageGib: 20,
      storageGibMax: 100,
      backupDays: 7,
    },
    controlPlaneLogs: 'audit',
  },
  /** Nothing stops when a zone does. */
  production: {
    zoneCount: 3,
    natGatewayCount: 3,
    logDays: 365,
    database: {
      instanceType: 'm7g.large',
      multiAz: true,
      connectionsMax: 400,
      storageGib: 100,
      storageGibMax: 1000,
      backupDays: 35,
    },
    controlPlaneLogs: 'all',
  },
} as const satisfies Record<string, Profile>

export type ProfileName = keyof typeof profiles

export function isProfileName(name: string): name is ProfileName {
  return Object.hasOwn(profiles, name)
}

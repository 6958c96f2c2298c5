import * as cdk from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { AutoScalingMetric, LifecycleStage, Preset, Sharing, ThresholdType } from './cfn-express-service.generated';
import { IExpressServiceProvider } from './express-service-provider';

/**
 * How many tasks run, and what decides it.
 */
export interface ExpressServiceScaling {
  /**
   * Fewest tasks that run.
   *
   * @default 1
   */
  readonly minTaskCount?: number;

  /**
   * Most tasks that run, at most 260 on a shared load balancer.
   *
   * @default 20
   */
  readonly maxTaskCount?: number;

  /**
   * Measure that auto scaling holds at `autoScalingTargetValue`.
   *
   * @default AutoScalingMetric.AVERAGE_CPU
   */
  readonly autoScalingMetric?: AutoScalingMetric;

  /**
   * Value at which auto scaling holds the measure: percent, or requests per task and minute.
   *
   * @default 60
   */
  readonly autoScalingTargetValue?: number;
}

/**
 * A part of the requests and the time for which it stays as it is.
 */
export interface ExpressServiceTrafficShift {
  /**
   * Percent of the requests, in steps of 0.1: of a canary what it takes first, otherwise what moves with each step.
   *
   * @default - 5 for a canary, 10 for a step
   */
  readonly percent?: number;

  /**
   * Time until the next requests move, in whole minutes.
   *
   * @default - 3 minutes; none with `Preset.DEVELOPMENT`
   */
  readonly bakeTime?: cdk.Duration;
}

/**
 * What ends a deployment whose tasks fail; it is then rolled back.
 */
export interface ExpressServiceCircuitBreaker {
  /**
   * Whether ECS gives a deployment up when too many of its tasks fail.
   *
   * @default true
   */
  readonly enable?: boolean;

  /**
   * What `threshold` counts.
   *
   * @default ThresholdType.BOUNDED_PERCENT
   */
  readonly thresholdType?: ThresholdType;

  /**
   * How many failed tasks are too many: 1 to 100 percent, or 1 to 5000 tasks.
   *
   * @default 50
   */
  readonly threshold?: number;
}

/**
 * The provider's alarm: the share of errors among the answers of the new revision.
 */
export interface ExpressServiceRollbackAlarm {
  /**
   * Percent of errors among the answers of a minute that is still accepted, in steps of 0.1.
   *
   * @default 1
   */
  readonly errorRatePercent?: number;

  /**
   * Requests to the new revision in a minute below which the share of errors says nothing.
   *
   * @default 20
   */
  readonly minimumRequests?: number;

  /**
   * Whether answers with a status of 400 to 499 are errors too.
   *
   * @default false
   */
  readonly countClientErrors?: boolean;

  /**
   * Minutes that are looked at, 1 to 60.
   *
   * @default 3
   */
  readonly evaluationPeriods?: number;

  /**
   * How many of these minutes must have too many errors.
   *
   * @default - 2, or 1 of 1
   */
  readonly datapointsToAlarm?: number;
}

/**
 * The header by which requests reach the new revision before all others do.
 */
export interface ExpressServiceTestTraffic {
  /**
   * Up to 40 letters, digits, hyphens and underscores. Case does not matter.
   */
  readonly headerName: string;

  /**
   * Up to 128 visible characters, without `*`, `?` and the backslash. Case does not matter. It is no secret.
   */
  readonly headerValue: string;
}

/**
 * A function that ECS calls at stages of a deployment, and that decides whether it goes on.
 */
export interface ExpressServiceLifecycleHook {
  /**
   * It answers `{"hookStatus": "SUCCEEDED"}`, `FAILED` or `IN_PROGRESS`.
   */
  readonly handler: lambda.IFunction;

  /**
   * The role as which ECS calls the function.
   *
   * @default - a role that may invoke the function
   */
  readonly role?: iam.IRole;

  /**
   * The stages at which it is called.
   */
  readonly lifecycleStages: LifecycleStage[];

  /**
   * What ECS hands to the function at each call. It is no place for secrets.
   *
   * @default - nothing
   */
  readonly hookDetails?: { readonly [name: string]: any };
}

/**
 * How a new revision of the service comes into service, and what sends it back.
 */
export interface ExpressServiceDeployment {
  /**
   * What the settings beside it are where they are not given. `Preset.DEVELOPMENT` is as fast as ECS can be.
   *
   * @default Preset.PRODUCTION
   */
  readonly preset?: Preset;

  /**
   * How requests move from the old revision to the new one.
   *
   * @default - `CANARY`; `BLUE_GREEN` with `Preset.DEVELOPMENT`
   */
  readonly strategy?: ecs.DeploymentStrategy;

  /**
   * For how long both revisions run after all requests have moved, in whole minutes. Not with `ROLLING`.
   *
   * @default - 3 minutes; none with `Preset.DEVELOPMENT`
   */
  readonly bakeTime?: cdk.Duration;

  /**
   * The canary's part and time; only with the strategy `CANARY`.
   *
   * @default - 5 % for 3 minutes
   */
  readonly canary?: ExpressServiceTrafficShift;

  /**
   * The steps and their time; only with the strategy `LINEAR`.
   *
   * @default - steps of 10 %, 3 minutes each
   */
  readonly linear?: ExpressServiceTrafficShift;

  /**
   * What ends a deployment whose tasks fail.
   *
   * @default - half of the tasks
   */
  readonly circuitBreaker?: ExpressServiceCircuitBreaker;

  /**
   * What ends a deployment whose answers are errors.
   *
   * @default - more than 1 % of 20 requests or more, in 2 of 3 minutes
   */
  readonly rollbackAlarm?: ExpressServiceRollbackAlarm;

  /**
   * Further alarms that roll a deployment back, at most nine. They are made before the service, so they cannot be about
   * its own metrics.
   *
   * @default - none
   */
  readonly alarms?: cloudwatch.IAlarm[];

  /**
   * Requests that go to the new revision as soon as it runs, before it takes any others. Not with `ROLLING`.
   *
   * @default - none
   */
  readonly testTraffic?: ExpressServiceTestTraffic;

  /**
   * Functions that ECS calls at stages of a deployment, at most ten. Not with `ROLLING`.
   *
   * @default - none
   */
  readonly lifecycleHooks?: ExpressServiceLifecycleHook[];

  /**
   * Any text; when it changes, the service is deployed again, with nothing else changed. Not with `taskDefinition`.
   *
   * @default - none
   */
  readonly forceDeployment?: string;
}

/**
 * Properties of `ExpressService`.
 */
export interface ExpressServiceProps {
  /**
   * Image of the container: from a registry, from ECR, or built from a folder of the app.
   *
   * @default - `taskDefinition` is required
   */
  readonly image?: ecs.ContainerImage;

  /**
   * A task definition of your own, in place of `image` and what goes with it. It supports Fargate and has a container
   * `Main` with exactly one port mapping, which has a name.
   *
   * @default - made from `image`
   */
  readonly taskDefinition?: ecs.ITaskDefinition;

  /**
   * The installed provider.
   *
   * @default - the one whose stack exports `express-service-token` in this account and region
   */
  readonly provider?: IExpressServiceProvider;

  /**
   * Name of the ECS service and, in the cluster `default`, of the host.
   *
   * @default - made up from the stack and the logical id
   */
  readonly serviceName?: string;

  /**
   * Cluster of the service.
   *
   * @default - the cluster `default`, which is created if it is absent
   */
  readonly cluster?: ecs.ICluster;

  /**
   * VPC of the tasks.
   *
   * @default - that of `cluster`; the account's default VPC without a cluster, or with one from
   * `ecs.Cluster.fromClusterArn`, which does not know its VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Subnets of the tasks, in two zones or more.
   *
   * @default - the VPC's private subnets if it has any, as everywhere in the CDK
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups that the tasks have beside the one that the provider makes, at most four.
   *
   * @default - one is created if there is `vpc`, or a `cluster` that has one
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Whether the load balancer is reached from the internet.
   *
   * @default - true if the VPC has public subnets; without `vpc` and a `cluster` that has one, as the default VPC's
   * subnets are
   */
  readonly publicLoadBalancer?: boolean;

  /**
   * Whether the load balancer is shared with other services.
   *
   * @default Sharing.SHARED
   */
  readonly sharing?: Sharing;

  /**
   * TCP port on which the application listens for HTTP.
   *
   * @default 80
   */
  readonly containerPort?: number;

  /**
   * Path that the load balancer asks for to see whether a task is healthy.
   *
   * @default '/'
   */
  readonly healthCheckPath?: string;

  /**
   * Command of the container, in place of the image's.
   *
   * @default - the image's
   */
  readonly command?: string[];

  /**
   * Environment variables of the container. Not for secrets.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * Environment variables whose values ECS reads from Secrets Manager or Parameter Store; the execution role is
   * allowed to.
   *
   * @default - none
   */
  readonly secrets?: { [name: string]: ecs.Secret };

  /**
   * CPU of a task, in CPU units (1024 is one vCPU).
   *
   * @default 1024
   */
  readonly cpu?: number;

  /**
   * Memory of a task. Which sizes there are depends on `cpu`.
   *
   * @default cdk.Size.mebibytes(2048)
   */
  readonly memory?: cdk.Size;

  /**
   * Processor architecture that the image is built for.
   *
   * @default ecs.CpuArchitecture.X86_64
   */
  readonly cpuArchitecture?: ecs.CpuArchitecture;

  /**
   * How many tasks run, and what decides it.
   *
   * @default - 1 to 20 tasks, at 60 % of the CPU
   */
  readonly scaling?: ExpressServiceScaling;

  /**
   * Role that ECS assumes to pull the image, read secrets and write logs.
   *
   * @default - a role with `AmazonECSTaskExecutionRolePolicy` is created
   */
  readonly executionRole?: iam.IRole;

  /**
   * Role that ECS assumes to register tasks with the load balancer and to shift traffic.
   *
   * @default - a role with `AmazonECSInfrastructureRolePolicyForLoadBalancers` is created
   */
  readonly infrastructureRole?: iam.IRole;

  /**
   * Role whose permissions the application itself has.
   *
   * @default - a role without permissions is created, to which `grant…` methods add
   */
  readonly taskRole?: iam.IRole;

  /**
   * Log group that the container's output goes to.
   *
   * @default - the provider creates one, `/aws/ecs/<cluster>/<service>`, which is kept when the service goes
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * First part of the names of the log streams. Needs `logGroup`.
   *
   * @default 'ecs'
   */
  readonly logStreamPrefix?: string;

  /**
   * How a new revision of the service comes into service, and what sends it back.
   *
   * @default - a canary of 5 % for 3 minutes, and 3 minutes with both revisions
   */
  readonly deployment?: ExpressServiceDeployment;

  /**
   * For how long CloudFormation waits for the service to be up before it gives up: up to an hour, and at least 15 minutes
   * more than a deployment bakes.
   *
   * @default cdk.Duration.hours(1)
   */
  readonly serviceTimeout?: cdk.Duration;
}

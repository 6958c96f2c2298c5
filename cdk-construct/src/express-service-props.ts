import * as cdk from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { AutoScalingMetric, Sharing } from './cfn-express-service.generated';
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
   * Most tasks that run.
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
   * @default - that of `cluster`; without a cluster the account's default VPC
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
   * @default - one is created if there is `vpc` or `cluster`
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Whether the load balancer is reached from the internet.
   *
   * @default - true if the VPC has public subnets; without `vpc` and `cluster`, as the default VPC's subnets are
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
   * For how long CloudFormation waits for the service to be up before it gives up; 21 to 60 minutes.
   *
   * @default cdk.Duration.hours(1)
   */
  readonly serviceTimeout?: cdk.Duration;
}

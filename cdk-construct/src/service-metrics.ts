import * as cdk from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';

/** What a service's metrics are found by. */
interface Dimensions {
  readonly scope: Construct;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly loadBalancerArn: string;
  readonly targetGroupArns: string[];
}

/** Of `arn:…:targetgroup/<name>/<id>`, split at colons. */
const RESOURCE_PART = 5;
/** Target groups of a service. */
const TARGET_GROUPS = [0, 1];

/** The metrics of a service: those of ECS, and those of its two target groups taken together. */
export class ServiceMetrics {
  constructor(private readonly dimensions: Dimensions) {}

  /** AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html> */
  public ofService(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const { scope, clusterName, serviceName } = this.dimensions;
    return new cloudwatch.Metric({
      namespace: 'AWS/ECS',
      metricName,
      dimensionsMap: { ClusterName: clusterName, ServiceName: serviceName },
      ...props,
    }).attachTo(scope);
  }

  /** A sum over both target groups; one that has no traffic counts as zero. */
  public sumOfTargetGroups(
    metricName: string,
    label: string,
    props?: cloudwatch.MathExpressionOptions,
  ): cloudwatch.MathExpression {
    return new cloudwatch.MathExpression({
      expression: sum('metric'),
      usingMetrics: this.ofTargetGroups('metric', metricName, props),
      label,
      ...props,
    });
  }

  /** The sum of all times by the number of requests; an average of two averages would weigh both groups the same. */
  public responseTime(props?: cloudwatch.MathExpressionOptions): cloudwatch.MathExpression {
    return new cloudwatch.MathExpression({
      expression: `(${sum('time')}) / (${sum('count')})`,
      usingMetrics: {
        ...this.ofTargetGroups('time', 'TargetResponseTime', props),
        ...this.ofTargetGroups('count', 'RequestCount', props),
      },
      label: 'TargetResponseTime',
      ...props,
    });
  }

  /** AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html> */
  private ofTargetGroups(
    id: string,
    metricName: string,
    { period }: cloudwatch.MathExpressionOptions = {},
  ): Record<string, cloudwatch.IMetric> {
    const { scope, loadBalancerArn, targetGroupArns } = this.dimensions;
    const metrics = TARGET_GROUPS.map((index) => {
      const metric = new cloudwatch.Metric({
        namespace: 'AWS/ApplicationELB',
        metricName,
        statistic: cloudwatch.Stats.SUM,
        period,
        dimensionsMap: {
          LoadBalancer: cdk.Fn.select(1, cdk.Fn.split('loadbalancer/', loadBalancerArn)),
          TargetGroup: cdk.Fn.select(RESOURCE_PART, cdk.Fn.split(':', cdk.Fn.select(index, targetGroupArns))),
        },
      }).attachTo(scope);
      return [`${id}${index}`, metric] as const;
    });
    return Object.fromEntries(metrics);
  }
}

function sum(id: string): string {
  return TARGET_GROUPS.map((index) => `FILL(${id}${index}, 0)`).join(' + ');
}

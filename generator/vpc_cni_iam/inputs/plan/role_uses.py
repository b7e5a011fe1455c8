"""Which arguments of which resources say the role that a workload uses.

A row names the arguments of a type, ``*`` for the blocks of a list, and the type of what each
names: a role, or what in turn says the role. A block names it by its name, ID or ARN.
"""

from __future__ import annotations

from collections.abc import Mapping

ROLE, PROFILE = "aws_iam_role", "aws_iam_instance_profile"
TEMPLATE, LAUNCH_CONFIGURATION = "aws_launch_template", "aws_launch_configuration"
TASK = "aws_ecs_task_definition"
# What in turn says the role, in words.
KINDS = {
    PROFILE: "instance profile",
    TEMPLATE: "launch template",
    LAUNCH_CONFIGURATION: "launch configuration",
    TASK: "task definition",
}
_SPECIFICATION = "launch_template_config.*.launch_template_specification.*"
_MIXED = "mixed_instances_policy.*.launch_template.*"

ROLE_USES: Mapping[str, Mapping[str, str]] = {
    # Instances.
    PROFILE: {"role": ROLE},
    TEMPLATE: {"iam_instance_profile.*": PROFILE},
    LAUNCH_CONFIGURATION: {"iam_instance_profile": PROFILE},
    "aws_autoscaling_group": {
        "launch_configuration": LAUNCH_CONFIGURATION,
        "launch_template.*": TEMPLATE,
        f"{_MIXED}.launch_template_specification.*": TEMPLATE,
        f"{_MIXED}.override.*.launch_template_specification.*": TEMPLATE,
    },
    "aws_batch_compute_environment": {
        "compute_resources.*.instance_role": PROFILE,
        "compute_resources.*.launch_template.*": TEMPLATE,
    },
    "aws_ec2_fleet": {_SPECIFICATION: TEMPLATE},
    "aws_eks_node_group": {"node_role_arn": ROLE, "launch_template.*": TEMPLATE},
    "aws_emr_cluster": {"ec2_attributes.*.instance_profile": PROFILE, "service_role": ROLE},
    "aws_imagebuilder_infrastructure_configuration": {"instance_profile_name": PROFILE},
    "aws_instance": {"iam_instance_profile": PROFILE, "launch_template.*": TEMPLATE},
    "aws_spot_fleet_request": {
        "launch_specification.*.iam_instance_profile": PROFILE,
        "launch_specification.*.iam_instance_profile_arn": PROFILE,
        _SPECIFICATION: TEMPLATE,
    },
    "aws_spot_instance_request": {
        "iam_instance_profile": PROFILE,
        "launch_template.*": TEMPLATE,
    },
    # What else runs code, or calls AWS, by a role.
    "aws_apprunner_service": {"instance_configuration.*.instance_role_arn": ROLE},
    "aws_bedrockagent_agent": {"agent_resource_role_arn": ROLE},
    "aws_cloudwatch_event_target": {
        "role_arn": ROLE,
        "ecs_target.*.task_definition_arn": TASK,
    },
    "aws_codebuild_project": {"service_role": ROLE},
    "aws_codepipeline": {"role_arn": ROLE},
    "aws_ecs_service": {"task_definition": TASK},
    TASK: {"task_role_arn": ROLE, "execution_role_arn": ROLE},
    "aws_eks_fargate_profile": {"pod_execution_role_arn": ROLE},
    "aws_emrserverless_job_run": {"execution_role_arn": ROLE},
    "aws_glue_dev_endpoint": {"role_arn": ROLE},
    "aws_glue_job": {"role_arn": ROLE},
    "aws_iot_role_alias": {"role_arn": ROLE},
    "aws_lambda_function": {"role": ROLE},
    "aws_mwaa_environment": {"execution_role_arn": ROLE},
    "aws_pipes_pipe": {"role_arn": ROLE},
    "aws_sagemaker_model": {"execution_role_arn": ROLE},
    "aws_sagemaker_notebook_instance": {"role_arn": ROLE},
    "aws_scheduler_schedule": {
        "target.*.role_arn": ROLE,
        "target.*.ecs_parameters.*.task_definition_arn": TASK,
    },
    "aws_sfn_state_machine": {"role_arn": ROLE},
    "aws_ssm_activation": {"iam_role": ROLE},
    "aws_ssm_maintenance_window_task": {"service_role_arn": ROLE},
    "aws_transfer_user": {"role": ROLE},
}

# What else is read of these types, most of which say much about other things.
_OTHERS = ("arn", "default_version", "id", "latest_version", "metadata_options", "name")
READ_ARGUMENTS = frozenset(
    (*_OTHERS, *(path.partition(".")[0] for paths in ROLE_USES.values() for path in paths))
)


def is_of_instances(kind: str) -> bool:
    """Say whether a type has the roles of instances."""
    ways = (PROFILE, TEMPLATE, LAUNCH_CONFIGURATION)
    return kind in (PROFILE, "aws_eks_node_group") or any(
        target in ways for target in ROLE_USES[kind].values()
    )


def is_read_in_part(kind: str) -> bool:
    """Say whether only these arguments are read of a type."""
    return kind in ROLE_USES and not kind.startswith(("aws_iam_", "aws_eks_"))

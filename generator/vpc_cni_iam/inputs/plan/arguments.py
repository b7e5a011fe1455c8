"""Which arguments of which resource types are about access, and in which way.

A new type that has a policy or gets a role is one row. `vpc_cni_iam.inputs.plan.values` reads the
paths: ``*`` means the items of a list, ``**`` any depth, ``{}`` JSON or YAML text, ``name=value``
an object with a member that ends in the value, and ``~`` a dot in a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

ROLE, PROFILE = "aws_iam_role", "aws_iam_instance_profile"
USER, GROUP, POLICY = "aws_iam_user", "aws_iam_group", "aws_iam_policy"
PRINCIPALS = (ROLE, USER, GROUP)
POLICY_ATTACHMENT = "aws_iam_policy_attachment"
ADDON, ASSOCIATION = "aws_eks_addon", "aws_eks_pod_identity_association"
CLUSTER, NODE_GROUP, CHART = "aws_eks_cluster", "aws_eks_node_group", "helm_release"
TEMPLATE, LAUNCH_CONFIGURATION = "aws_launch_template", "aws_launch_configuration"
TASK, DAEMON_TASK = "aws_ecs_task_definition", "aws_ecs_daemon_task_definition"
JOB = "aws_batch_job_definition"
OIDC_PROVIDER = "aws_iam_openid_connect_provider"
# Types that name a role for others, in words.
KINDS = {
    PROFILE: "instance profile",
    TEMPLATE: "launch template",
    LAUNCH_CONFIGURATION: "launch configuration",
    TASK: "task definition",
    DAEMON_TASK: "daemon task definition",
    JOB: "job definition",
}
_SPECIFICATION = "launch_template_config.*.launch_template_specification.*"
_MIXED = "mixed_instances_policy.*.launch_template.*"
_PIPED = "target_parameters.*.ecs_task_parameters.*"
_BEANSTALK = {"setting.*.name=IamInstanceProfile.value": PROFILE}

_IOT_ACTIONS = (
    *("cloudwatch_alarm", "cloudwatch_logs", "cloudwatch_metric", "dynamodb", "dynamodbv2"),
    *("elasticsearch", "firehose", "iot_analytics", "iot_events", "kinesis", "republish", "s3"),
    *("sns", "sqs", "step_functions", "timestream"),
)


class Part(Enum):
    """The meaning of an argument in the model of the account."""

    PERMISSIONS = "permissions"  # an inline policy
    ATTACHMENT = "attachment"  # the ARN of a managed policy
    BOUNDARY = "boundary"  # the ARN of a managed policy that limits the others
    TRUST = "trust"  # who can assume the role
    MEMBERSHIP = "membership"  # the groups of a user, or the users of a group
    INLINE_LIST = "inline list"  # the names of all inline policies: IAM removes others
    ATTACHMENT_LIST = "attachment list"  # the ARNs of all attachments: IAM removes others


class GrantArgument(Struct, frozen=True):
    """An argument that gives access to a principal, or removes it."""

    path: str
    part: Part
    # The arguments that name the principal, with the type of each; empty for the resource itself.
    owners: tuple[tuple[str, str], ...] = ()
    name: str = ""  # the argument with the name of an inline policy
    computed: bool = False  # whether the provider sets it if the configuration does not


_EVERY = (("roles.*", ROLE), ("users.*", USER), ("groups.*", GROUP))
# By resource type.
GRANTS: Mapping[str, tuple[GrantArgument, ...]] = {
    ROLE: (
        GrantArgument("assume_role_policy", Part.TRUST),
        GrantArgument("permissions_boundary", Part.BOUNDARY),
        GrantArgument("inline_policy.*.policy", Part.PERMISSIONS, name="name", computed=True),
        GrantArgument("managed_policy_arns.*", Part.ATTACHMENT, computed=True),
    ),
    USER: (GrantArgument("permissions_boundary", Part.BOUNDARY),),
    POLICY_ATTACHMENT: (GrantArgument("policy_arn", Part.ATTACHMENT, _EVERY),),
    "aws_iam_user_group_membership": (
        GrantArgument("groups.*", Part.MEMBERSHIP, (("user", USER),)),
    ),
    "aws_iam_group_membership": (GrantArgument("users.*", Part.MEMBERSHIP, (("group", GROUP),)),),
    **{
        f"aws_iam_{who}{end}": (GrantArgument(path, part, ((f"{who}{suffix}", kind),), name),)
        for who, kind in (("role", ROLE), ("user", USER), ("group", GROUP))
        for end, path, part, suffix, name in (
            ("_policy", "policy", Part.PERMISSIONS, "", "name"),
            ("_policy_attachment", "policy_arn", Part.ATTACHMENT, "", ""),
            ("_policies_exclusive", "policy_names.*", Part.INLINE_LIST, "_name", ""),
            ("_policy_attachments_exclusive", "policy_arns.*", Part.ATTACHMENT_LIST, "_name", ""),
        )
    },
}
LISTS = (Part.INLINE_LIST, Part.ATTACHMENT_LIST)


def list_argument(kind: str) -> GrantArgument | None:
    """Return the argument of an exclusive list; None for other types."""
    return next((a for a in GRANTS.get(kind, ()) if a.part in LISTS), None)


# The roles that EKS gives to service accounts. Annotations are read anywhere in the types of
# `is_annotated`.
SERVICE_ACCOUNTS: Mapping[str, Mapping[str, str]] = {
    ASSOCIATION: {"role_arn": ROLE, "target_role_arn": ROLE},
    ADDON: {"service_account_role_arn": ROLE, "pod_identity_association.*.role_arn": ROLE},
}
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
# Objects of Kubernetes.
OF_KUBERNETES = ("argocd_", "kubernetes_", "kubectl_", "k8s_", "kustomization_")
ACCESS_ENTRY, ACCESS_POLICY = "aws_eks_access_entry", "aws_eks_access_policy_association"
CLUSTER_ACCESS = (ACCESS_ENTRY, ACCESS_POLICY)
# The arguments that decide who has access to a cluster.
ACCESS: Mapping[str, tuple[str, ...]] = {
    ACCESS_ENTRY: ("cluster_name", "kubernetes_groups", "principal_arn", "type", "user_name"),
    ACCESS_POLICY: ("access_scope", "cluster_name", "policy_arn", "principal_arn"),
    CLUSTER: ("access_config",),
}
# The arguments by which other resources refer to a resource; default: name and ARN.
NAMED_BY: Mapping[str, tuple[str, ...]] = {
    POLICY: ("arn",),
    PROFILE: ("name", "arn"),
    TEMPLATE: ("id", "name"),
    LAUNCH_CONFIGURATION: ("name", "id"),
    TASK: ("arn", "family"),
    DAEMON_TASK: ("arn", "family"),
    JOB: ("arn", "name"),
}
# The arguments that name the role of a workload, and the type that each refers to: a role, or a
# type that names a role. A block refers to it by its ID, ARN or name.
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
        "service_role": ROLE,
    },
    "aws_ec2_fleet": {_SPECIFICATION: TEMPLATE},
    "aws_ecs_capacity_provider": {
        "managed_instances_provider.*.infrastructure_role_arn": ROLE,
        "managed_instances_provider.*.instance_launch_template.*.ec2_instance_profile_arn": PROFILE,
    },
    "aws_eks_node_group": {"node_role_arn": ROLE, "launch_template.*": TEMPLATE},
    "aws_elastic_beanstalk_configuration_template": _BEANSTALK,
    "aws_elastic_beanstalk_environment": _BEANSTALK,
    "aws_emr_cluster": {
        "autoscaling_role": ROLE,
        "ec2_attributes.*.instance_profile": PROFILE,
        "service_role": ROLE,
    },
    "aws_gamelift_game_server_group": {"launch_template.*": TEMPLATE, "role_arn": ROLE},
    "aws_imagebuilder_infrastructure_configuration": {"instance_profile_name": PROFILE},
    "aws_instance": {"iam_instance_profile": PROFILE, "launch_template.*": TEMPLATE},
    "aws_opsworks_stack": {"default_instance_profile_arn": PROFILE, "service_role_arn": ROLE},
    "aws_spot_fleet_request": {
        "launch_specification.*.iam_instance_profile": PROFILE,
        "launch_specification.*.iam_instance_profile_arn": PROFILE,
        _SPECIFICATION: TEMPLATE,
    },
    "aws_spot_instance_request": {
        "iam_instance_profile": PROFILE,
        "launch_template.*": TEMPLATE,
    },
    # Other types that run code or call AWS with a role.
    "aws_amplify_app": {"compute_role_arn": ROLE, "iam_service_role_arn": ROLE},
    "aws_api_gateway_integration": {"credentials": ROLE},
    "aws_apigatewayv2_integration": {"credentials_arn": ROLE},
    "aws_apprunner_service": {"instance_configuration.*.instance_role_arn": ROLE},
    "aws_appconfig_configuration_profile": {"retrieval_role_arn": ROLE},
    "aws_appstream_fleet": {"iam_role_arn": ROLE},
    "aws_appstream_image_builder": {"iam_role_arn": ROLE},
    "aws_appsync_datasource": {"service_role_arn": ROLE},
    "aws_athena_workgroup": {"configuration.*.execution_role": ROLE},
    "aws_backup_restore_testing_selection": {"iam_role_arn": ROLE},
    "aws_backup_selection": {"iam_role_arn": ROLE},
    JOB: {
        f"{properties}{role}": ROLE
        for role in ("jobRoleArn", "executionRoleArn", "taskRoleArn")
        for properties in (
            "container_properties.{}.",
            "ecs_properties.{}.taskProperties.*.",
            "node_properties.{}.nodeRangeProperties.*.container.",
        )
    },
    "aws_bedrock_custom_model": {"role_arn": ROLE},
    "aws_bedrockagent_agent": {"agent_resource_role_arn": ROLE},
    "aws_bedrockagent_flow": {"execution_role_arn": ROLE},
    "aws_bedrockagent_knowledge_base": {"role_arn": ROLE},
    "aws_bedrockagentcore_agent_runtime": {"role_arn": ROLE},
    "aws_bedrockagentcore_browser": {"execution_role_arn": ROLE},
    "aws_bedrockagentcore_code_interpreter": {"execution_role_arn": ROLE},
    "aws_bedrockagentcore_gateway": {"role_arn": ROLE},
    "aws_bedrockagentcore_harness": {"execution_role_arn": ROLE},
    # For everybody in a channel.
    "aws_chatbot_slack_channel_configuration": {"iam_role_arn": ROLE},
    "aws_chatbot_teams_channel_configuration": {"iam_role_arn": ROLE},
    "aws_cloudformation_type": {"execution_role_arn": ROLE},
    "aws_cloudwatch_event_rule": {"role_arn": ROLE},
    "aws_cloudwatch_event_target": {
        "role_arn": ROLE,
        "batch_target.*.job_definition": JOB,
        "ecs_target.*.task_definition_arn": TASK,
    },
    "aws_codebuild_fleet": {"fleet_service_role": ROLE},
    "aws_codebuild_project": {"service_role": ROLE, "build_batch_config.*.service_role": ROLE},
    "aws_codedeploy_deployment_group": {"service_role_arn": ROLE},
    "aws_codepipeline": {"role_arn": ROLE, "stage.*.action.*.role_arn": ROLE},
    "aws_cognito_user_group": {"role_arn": ROLE},
    "aws_config_remediation_configuration": {
        "parameter.*.name=AutomationAssumeRole.static_value": ROLE
    },
    "aws_datasync_location_s3": {"s3_config.*.bucket_access_role_arn": ROLE},
    "aws_datazone_domain": {"domain_execution_role": ROLE},
    "aws_datazone_environment_blueprint_configuration": {
        "manage_access_role_arn": ROLE,
        "provisioning_role_arn": ROLE,
    },
    "aws_db_instance_role_association": {"role_arn": ROLE},
    "aws_dlm_lifecycle_policy": {"execution_role_arn": ROLE},
    "aws_dms_endpoint": {
        "secrets_manager_access_role_arn": ROLE,
        "service_access_role": ROLE,
    },
    "aws_dms_s3_endpoint": {"service_access_role_arn": ROLE},
    "aws_ecs_express_gateway_service": {
        "execution_role_arn": ROLE,
        "infrastructure_role_arn": ROLE,
        "task_role_arn": ROLE,
    },
    "aws_ecs_daemon": {"daemon_task_definition_arn": DAEMON_TASK},
    DAEMON_TASK: {"task_role_arn": ROLE, "execution_role_arn": ROLE},
    "aws_ecs_service": {"task_definition": TASK},
    "aws_ecs_task_set": {"task_definition": TASK},
    TASK: {"task_role_arn": ROLE, "execution_role_arn": ROLE},
    "aws_eks_cluster": {"compute_config.*.node_role_arn": ROLE},
    "aws_eks_fargate_profile": {"pod_execution_role_arn": ROLE},
    "aws_emr_studio": {"service_role": ROLE, "user_role": ROLE},
    "aws_emrcontainers_job_template": {"job_template_data.*.execution_role_arn": ROLE},
    "aws_emrserverless_job_run": {"execution_role_arn": ROLE},
    "aws_finspace_kx_cluster": {"execution_role": ROLE},
    "aws_fis_experiment_template": {"role_arn": ROLE},
    "aws_gamelift_fleet": {"instance_role_arn": ROLE},
    "aws_glue_crawler": {"role": ROLE},
    "aws_glue_dev_endpoint": {"role_arn": ROLE},
    "aws_glue_job": {"role_arn": ROLE},
    "aws_glue_ml_transform": {"role_arn": ROLE},
    # Users of a workspace query AWS with its role.
    "aws_grafana_workspace": {"role_arn": ROLE},
    "aws_imagebuilder_image": {"execution_role": ROLE},
    "aws_imagebuilder_image_pipeline": {"execution_role": ROLE},
    "aws_imagebuilder_lifecycle_policy": {"execution_role": ROLE},
    "aws_iot_provisioning_template": {"provisioning_role_arn": ROLE},
    "aws_iot_role_alias": {"role_arn": ROLE},
    "aws_iot_topic_rule": {
        f"{place}{action}.*.role_arn": ROLE
        for action in _IOT_ACTIONS
        for place in ("", "error_action.*.")
    },
    "aws_kinesis_firehose_delivery_stream": {"extended_s3_configuration.*.role_arn": ROLE},
    "aws_kinesisanalyticsv2_application": {"service_execution_role": ROLE},
    "aws_lakeformation_resource": {"role_arn": ROLE},
    "aws_lambda_function": {"role": ROLE},
    "aws_medialive_channel": {"role_arn": ROLE},
    "aws_mskconnect_connector": {"service_execution_role_arn": ROLE},
    "aws_mwaa_environment": {"execution_role_arn": ROLE},
    "aws_neptune_cluster": {"iam_roles.*": ROLE},
    "aws_pipes_pipe": {
        "role_arn": ROLE,
        "target_parameters.*.batch_job_parameters.*.job_definition": JOB,
        f"{_PIPED}.task_definition_arn": TASK,
        f"{_PIPED}.overrides.*.task_role_arn": ROLE,
        f"{_PIPED}.overrides.*.execution_role_arn": ROLE,
    },
    "aws_rds_cluster": {"iam_roles.*": ROLE},
    "aws_rds_cluster_role_association": {"role_arn": ROLE},
    "aws_redshift_cluster": {"iam_roles.*": ROLE},
    "aws_redshift_cluster_iam_roles": {"iam_role_arns.*": ROLE},
    "aws_redshiftserverless_namespace": {"iam_roles.*": ROLE},
    # For visitors of the monitored application.
    "aws_rum_app_monitor": {"app_monitor_configuration.*.guest_role_arn": ROLE},
    "aws_s3_bucket_replication_configuration": {"role": ROLE},
    "aws_s3control_access_grants_location": {"iam_role_arn": ROLE},
    "aws_sagemaker_domain": {
        f"default_{whose}_settings.*.execution_role": ROLE for whose in ("space", "user")
    },
    "aws_sagemaker_feature_group": {"role_arn": ROLE},
    "aws_sagemaker_flow_definition": {"role_arn": ROLE},
    "aws_sagemaker_model": {"execution_role_arn": ROLE},
    "aws_sagemaker_notebook_instance": {"role_arn": ROLE},
    "aws_sagemaker_pipeline": {"role_arn": ROLE},
    "aws_sagemaker_training_job": {"role_arn": ROLE},
    "aws_sagemaker_user_profile": {"user_settings.*.execution_role": ROLE},
    "aws_scheduler_schedule": {
        "target.*.role_arn": ROLE,
        "target.*.ecs_parameters.*.task_definition_arn": TASK,
    },
    # The launch constraint with which products are provisioned.
    "aws_servicecatalog_constraint": {"parameters.{}.RoleArn": ROLE},
    "aws_servicecatalog_service_action": {"definition.*.assume_role": ROLE},
    "aws_sfn_state_machine": {"role_arn": ROLE},
    "aws_ssm_activation": {"iam_role": ROLE},
    "aws_ssm_association": {"parameters.AutomationAssumeRole": ROLE},
    "aws_ssm_maintenance_window_task": {"service_role_arn": ROLE},
    # For every instance without a profile.
    "aws_ssm_service_setting": {
        "setting_id=/default-ec2-instance-management-role.setting_value": ROLE
    },
    "aws_storagegateway_nfs_file_share": {"role_arn": ROLE},
    "aws_storagegateway_smb_file_share": {"role_arn": ROLE},
    "aws_synthetics_canary": {"execution_role_arn": ROLE},
    "aws_timestreamquery_scheduled_query": {"execution_role_arn": ROLE},
    "aws_transfer_access": {"role": ROLE},
    "aws_transfer_agreement": {"access_role": ROLE},
    "aws_transfer_connector": {"access_role": ROLE},
    "aws_transfer_server": {"invocation_role": ROLE},
    "aws_transfer_user": {"role": ROLE},
}

# Roles that only EKS assumes: nobody else gets their permissions.
OF_SERVICES: Mapping[str, tuple[str, ...]] = {CLUSTER: ("role_arn",)}

# Other arguments that are read of these types; most have many unrelated arguments.
_OTHERS = ("arn", "default_version", "id", "latest_version", "metadata_options", "name")
READ_ARGUMENTS = frozenset(
    (
        *_OTHERS,
        *(
            step.partition("=")[0]
            for paths in ROLE_USES.values()
            for path in paths
            for step in path.split(".")
            if step.partition("=")[0].isidentifier()
        ),
    )
)


def is_annotated(kind: str) -> bool:
    """Return whether a type may have the annotation with a service account's role."""
    return kind in (ADDON, CHART) or kind.startswith(OF_KUBERNETES)


def is_of_instances(kind: str) -> bool:
    """Return whether a type sets the roles of instances."""
    ways = (PROFILE, TEMPLATE, LAUNCH_CONFIGURATION)
    # Those of a cluster are for Auto Mode.
    return kind in (PROFILE, NODE_GROUP, CLUSTER) or any(
        target in ways for target in ROLE_USES[kind].values()
    )


def is_read_in_part(kind: str) -> bool:
    """Return whether only these arguments of a type are read."""
    of_others = ("aws_iam_", "aws_eks_")
    return kind in ROLE_USES and not kind.startswith(of_others)

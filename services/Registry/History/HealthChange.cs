using System.Text.Json;
using OpsPlatform.Registry.Instances;
using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Registry.History;

/// <summary>An instance went from one state to another; from is null when it was first seen.</summary>
internal sealed class HealthChange
{
    public Guid Id { get; init; }

    public required string Service { get; init; }

    public Guid InstanceId { get; init; }

    public required string Address { get; init; }

    public required string Version { get; init; }

    public InstanceState? FromState { get; init; }

    public InstanceState ToState { get; init; }

    public required string Reason { get; init; }

    public DateTimeOffset ChangedAt { get; init; }

    public static HealthChange Of(Instance instance, InstanceState? from) => new()
    {
        Id = Guid.CreateVersion7(),
        Service = instance.Service,
        InstanceId = instance.Id,
        Address = instance.Address,
        Version = instance.Version,
        FromState = from,
        ToState = instance.State,
        Reason = instance.Reason,
        ChangedAt = instance.ChangedAt,
    };

    public static string Name(InstanceState state) => JsonNamingPolicy.SnakeCaseLower.ConvertName(state.ToString());
}

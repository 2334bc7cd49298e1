using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

public sealed class CommandOptions
{
    public string? Description { get; set; }
    public string? ConfirmationMessage { get; set; }
    public string? IconName { get; set; }
    public bool IsHighlighted { get; set; }
}

public sealed class ExecuteCommandResult
{
    public required bool Success { get; init; }
    public string? Message { get; init; }
}

public static class CommandResults
{
    public static ExecuteCommandResult Success() => new() { Success = true };
    public static ExecuteCommandResult Success(string message) => new() { Success = true, Message = message };
    public static ExecuteCommandResult Failure(string? errorMessage = null) => new() { Success = false, Message = errorMessage };
    public static ExecuteCommandResult Failure(Exception exception) => Failure(exception.Message);
}

public static class KnownResourceCommands
{
    public static readonly string StartCommand = "start";
    public static readonly string StopCommand = "stop";
    public static readonly string RestartCommand = "restart";
}

public sealed class ResourceCommandAnnotation(
    string name, string displayName, Func<ExecuteCommandContext, Task<ExecuteCommandResult>> executeCommand) : IResourceAnnotation
{
    public string Name { get; } = name;
    public string DisplayName { get; } = displayName;
    public Func<ExecuteCommandContext, Task<ExecuteCommandResult>> ExecuteCommand { get; } = executeCommand;
}

/// <summary>Runs a resource's commands by name: those of <see cref="KnownResourceCommands"/> and those of WithCommand.</summary>
public sealed class ResourceCommandService
{
    private readonly IServiceProvider _services;
    private readonly Running.Orchestrator _orchestrator;
    private readonly ILogger<ResourceCommandService> _logger;

    internal ResourceCommandService(IServiceProvider services, Running.Orchestrator orchestrator, ILogger<ResourceCommandService> logger)
    {
        _services = services;
        _orchestrator = orchestrator;
        _logger = logger;
    }

    public Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default) =>
        ExecuteCommandAsync(resource.Name, commandName, cancellationToken);

    public async Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default)
    {
        var runners = _orchestrator.RunnersOf(resourceId);
        if (runners.Count == 0)
        {
            return CommandResults.Failure($"There is no resource '{resourceId}'.");
        }

        if (commandName == KnownResourceCommands.StopCommand || commandName == KnownResourceCommands.RestartCommand)
        {
            await Task.WhenAll(runners.Select(runner => runner.StopAsync()));
        }

        if (commandName == KnownResourceCommands.StartCommand || commandName == KnownResourceCommands.RestartCommand)
        {
            runners.ForEach(runner => runner.Start());
        }

        if (commandName == KnownResourceCommands.StartCommand
            || commandName == KnownResourceCommands.StopCommand
            || commandName == KnownResourceCommands.RestartCommand)
        {
            return CommandResults.Success();
        }

        var resource = runners[0].Resource;
        if (resource.Annotations.OfType<ResourceCommandAnnotation>().LastOrDefault(command => command.Name == commandName) is not { } found)
        {
            return CommandResults.Failure($"Resource '{resourceId}' has no command '{commandName}'.");
        }

        return await found.ExecuteCommand(new ExecuteCommandContext
        {
            Services = _services,
            ResourceName = resource.Name,
            CancellationToken = cancellationToken,
            Logger = _logger,
        });
    }
}

using System.Text.Json;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>A message to send when the transaction at hand commits.</summary>
/// <param name="Id">The id listeners apply it once by; a new one unless given.</param>
/// <param name="Cause">The message it answers; the caller's own cause unless given.</param>
public sealed record OutboxMessage(object Message, Guid? Id = null, MessageCause? Cause = null);

internal sealed class OutboxRow
{
    public Guid Id { get; init; }

    public Guid? OrgId { get; init; }

    public required string MessageType { get; init; }

    public required string Body { get; init; }

    public string? Actor { get; init; }

    public Guid CorrelationId { get; init; }

    public Guid? CausationId { get; init; }

    public string? Traceparent { get; init; }
}

public static class Outbox
{
    private const string Sql = """
        INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id, causation_id, traceparent)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::text[], $6::uuid[], $7::uuid[], $8::text[])
        """;

    private static readonly JsonSerializerOptions BodyOptions = new(JsonSerializerDefaults.Web);

    private static readonly Dictionary<string, Type> Types = typeof(Topology).Assembly.GetTypes()
        .Where(type => type is { IsPublic: true, IsClass: true, IsGenericType: false, IsAbstract: false })
        .ToDictionary(type => type.Name);

    /// <summary>Adds the message to what the next SaveChanges stores: it leaves with the change or not at all.</summary>
    public static void Publish(this ServiceDb db, object message, Guid? id = null, MessageCause? cause = null) =>
        db.OutboxRows.Add(Row(db.GetService<IDbContextOptions>().FindExtension<CoreOptionsExtension>()!
            .ApplicationServiceProvider!.GetRequiredService<Caller>(), new(message, id, cause)));

    /// <summary>Appends one INSERT for all messages to a hand-written batch.</summary>
    public static void AddTo(NpgsqlBatch batch, Caller caller, IReadOnlyList<OutboxMessage> messages)
    {
        if (messages.Count == 0)
        {
            return;
        }

        var rows = messages.Select(message => Row(caller, message)).ToArray();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Sql)
        {
            Parameters =
            {
                Columns.Of(rows, row => row.Id, NpgsqlDbType.Uuid),
                Columns.Of(rows, row => row.OrgId, NpgsqlDbType.Uuid),
                Columns.Of(rows, row => row.MessageType, NpgsqlDbType.Text),
                Columns.Of(rows, row => row.Body, NpgsqlDbType.Jsonb),
                Columns.Of(rows, row => row.Actor, NpgsqlDbType.Text),
                Columns.Of(rows, row => row.CorrelationId, NpgsqlDbType.Uuid),
                Columns.Of(rows, row => row.CausationId, NpgsqlDbType.Uuid),
                Columns.Of(rows, row => row.Traceparent, NpgsqlDbType.Text),
            },
        });
    }

    /// <exception cref="InvalidDataException">The row names no message type known here, or its body does not fit that type.</exception>
    internal static object Read(string messageType, string body)
    {
        if (!Types.TryGetValue(messageType, out var type))
        {
            throw new InvalidDataException($"No message type is called '{messageType}'.");
        }

        try
        {
            return JsonSerializer.Deserialize(body, type, BodyOptions) ?? throw new InvalidDataException("The body is null.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"The body is no {messageType}: {exception.Message}", exception);
        }
    }

    internal static string Body(object message) => JsonSerializer.Serialize(message, BodyOptions);

    private static OutboxRow Row(Caller caller, OutboxMessage message) => new()
    {
        Id = message.Id ?? Guid.CreateVersion7(),
        OrgId = caller.OrgId,
        MessageType = message.Message.GetType().Name,
        Body = Body(message.Message),
        Actor = message.Cause?.Actor ?? caller.Actor,
        CorrelationId = message.Cause?.CorrelationId ?? caller.CorrelationId,
        CausationId = message.Cause?.CausationId ?? caller.CausationId,
        Traceparent = message.Cause?.TraceParent ?? caller.TraceParent,
    };
}

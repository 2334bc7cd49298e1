using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.ServiceDefaults.Tenancy;

/// <summary>On whose behalf work is done: set by a request's token or by the message consumed; every database connection carries it.</summary>
public sealed class Caller
{
    /// <summary>Null when no organisation is acting: such work sees no tenant's rows.</summary>
    public Guid? OrgId { get; private set; }

    /// <exception cref="InvalidOperationException">No organisation is acting.</exception>
    public Guid Org => OrgId ?? throw new InvalidOperationException("This work needs an organisation and none is set.");

    /// <summary>User id, or the service that acts by itself.</summary>
    public string? Actor { get; private set; }

    /// <summary>The API key with which the request was made for the actor; null when a person or a service made it.</summary>
    public Guid? ApiKey { get; private set; }

    /// <summary>What set the work off: http, message or worker.</summary>
    public string Source { get; private set; } = "worker";

    public Guid CorrelationId { get; private set; } = Guid.CreateVersion7();

    /// <summary>The message that led here.</summary>
    public Guid? CausationId { get; private set; }

    /// <summary>W3C trace context of the work at hand.</summary>
    public string? TraceParent => Activity.Current?.Id ?? _traceParent;

    private string? _traceParent;

    /// <summary>When the request came; null for other work.</summary>
    private DateTimeOffset? _receivedAt;

    /// <summary>The session setting `app.context`, which the capture trigger stores as a change's metadata.</summary>
    internal string Context => JsonSerializer.Serialize(new
    {
        actor = Actor,
        source = Source,
        correlationId = CorrelationId,
        causationId = CausationId,
        traceparent = TraceParent,
        receivedAt = _receivedAt,
        apiKey = ApiKey,
    });

    /// <summary>Who is acting as of now, for work that shares a transaction with others'.</summary>
    public Behalf Behalf => new(Org, Context, new(CorrelationId, CausationId, TraceParent, Actor));

    /// <summary>For background work that acts for one organisation.</summary>
    public void ActFor(Guid? orgId, string actor, MessageCause? cause = null)
    {
        OrgId = orgId;
        Actor = cause?.Actor ?? actor;
        Source = cause is null ? "worker" : "message";
        CorrelationId = cause?.CorrelationId ?? Guid.CreateVersion7();
        CausationId = cause?.CausationId;
        _traceParent = cause?.TraceParent;
    }

    /// <summary>Within one piece of work: from here on it is done by this person for this organisation. Source and correlation stay.</summary>
    public void Become(Guid? orgId, string actor) => (OrgId, Actor) = (orgId, actor);

    internal void ActFor(HttpContext http, Guid correlationId, DateTimeOffset receivedAt)
    {
        _receivedAt = receivedAt;
        OrgId = Guid.TryParse(http.User.FindFirst(Tokens.OrgClaim)?.Value, out var org) ? org : null;
        Actor = http.User.FindFirst("sub")?.Value;
        ApiKey = Guid.TryParse(http.User.FindFirst(Scopes.KeyClaim)?.Value, out var key) ? key : null;
        Source = "http";
        CorrelationId = correlationId;
    }
}

/// <summary>On whose behalf one of several pieces of work is done.</summary>
/// <param name="Context">What a captured change keeps as its metadata.</param>
/// <param name="Cause">What the messages it leads to carry on.</param>
public sealed record Behalf(Guid Org, string Context, MessageCause Cause);

/// <summary>What leads to messages hands on to them.</summary>
/// <param name="CausationId">The message that led here; null when a request did.</param>
public sealed record MessageCause(Guid CorrelationId, Guid? CausationId, string? TraceParent, string? Actor);

public static class EnvelopeExtensions
{
    public static MessageCause Cause<T>(this Envelope<T> envelope)
        where T : class => new(envelope.CorrelationId, envelope.Id, envelope.TraceParent, envelope.Actor);
}

/// <summary>Takes the caller from the token and the correlation id from the request; answers carry the latter.</summary>
internal sealed class CallerMiddleware(RequestDelegate next, TimeProvider time)
{
    private const string CorrelationHeader = "X-Correlation-Id";

    public Task Invoke(HttpContext http, Caller caller)
    {
        var correlationId = Guid.TryParse(http.Request.Headers[CorrelationHeader], out var given) ? given : Guid.CreateVersion7();
        caller.ActFor(http, correlationId, time.GetUtcNow());
        Activity.Current?.SetTag("correlation.id", correlationId);
        http.Response.Headers[CorrelationHeader] = correlationId.ToString();
        return next(http);
    }
}
